#include "tests/ops/rows.h"

namespace hone::tests::squeeze_rows {

static tflite::SqueezeOptionsT axes(std::vector<std::int32_t> dims) {
  tflite::SqueezeOptionsT options;
  options.squeeze_dims = std::move(dims);
  return options;
}

static Values reference(const Row&, const Inputs& in) { return in[0]; }

extern const OpRows squeeze{
    .op = "SQUEEZE",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"all dimensions of one", {f32({1, 3, 1, 2, 1})}, {f32({3, 2})}},
            {"two of them", {f32({1, 3, 1, 2, 1})}, {f32({3, 2, 1})}, axes({0, 2})},
            {"from the end", {f32({1, 3, 1, 2, 1})}, {f32({1, 3, 1, 2})}, axes({-1})},
            {"to a scalar", {f32({1, 1})}, {f32({})}},
            {"empty", {f32({1, 0})}, {f32({0})}},
            {"int8", {i8({1, 6}, 0.05f, -3)}, {i8({6}, 0.05f, -3)}, axes({0})},
        },
    .refused =
        {
            {{"a dimension of three", {f32({1, 3})}, {f32({1})}, axes({1})}, "got 3"},
            {{"an axis too far", {f32({1, 3})}, {f32({3})}, axes({2})}, "axis"},
        },
};

}  // namespace hone::tests::squeeze_rows
