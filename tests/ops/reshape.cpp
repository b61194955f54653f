#include "tests/ops/rows.h"

namespace hone::tests::reshape_rows {

static tflite::ReshapeOptionsT to(std::vector<std::int32_t> shape) {
  tflite::ReshapeOptionsT options;
  options.new_shape = std::move(shape);
  return options;
}

static Values reference(const Row&, const Inputs& in) { return in[0]; }

extern const OpRows reshape{
    .op = "RESHAPE",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"shape from the input", {f32({2, 6}), ints({3, 4})}, {f32({3, 4})}},
            {"minus one takes what is left", {f32({2, 6}), ints({3, -1, 2})}, {f32({3, 2, 2})}},
            {"shape from the options", {f32({2, 6})}, {f32({4, 3})}, to({4, 3})},
            {"the input overrules the options", {f32({2, 6}), ints({12})}, {f32({12})}, to({4, 3})},
            {"to a scalar", {f32({1, 1}), ints({})}, {f32({})}},
            {"a scalar as old files have it", {f32({1, 1})}, {f32({})}, to({0})},
            {"empty", {f32({0, 3}), ints({3, 0})}, {f32({3, 0})}},
            {"int8", {i8({2, 6}, 0.05f, -3), ints({12})}, {i8({12}, 0.05f, -3)}},
            {"eight dimensions",
             {f32({2, 6}), ints({1, 2, 1, 3, 1, 2, 1, 1})},
             {f32({1, 2, 1, 3, 1, 2, 1, 1})}},
        },
    .refused =
        {
            {{"another number of elements", {f32({2, 6}), ints({5, 2})}, {f32({5, 2})}}, "12"},
            {{"two times minus one", {f32({2, 6}), ints({-1, -1})}, {f32({2, 6})}}, "-1"},
            {{"minus two", {f32({2, 6}), ints({-2, 6})}, {f32({2, 6})}}, "-2"},
            {{"minus one that does not divide", {f32({2, 6}), ints({5, -1})}, {f32({5, 2})}}, "12"},
            {{"minus one beside zero", {f32({0, 6}), ints({0, -1})}, {f32({0, 6})}}, "any number"},
            {{"nine dimensions", {f32({1}), ints({1, 1, 1, 1, 1, 1, 1, 1, 1})}, {f32({1})}}, "8"},
            {{"no shape at all", {f32({2, 6})}, {f32({12})}}, "none"},
        },
};

}  // namespace hone::tests::reshape_rows
