#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::mean_rows {

static tflite::ReducerOptionsT keep_dims() {
  tflite::ReducerOptionsT options;
  options.keep_dims = true;
  return options;
}

static Values reference(const Row& row, const Inputs& in) {
  const Shape &x = row.shape_in(0), &y = row.shape_out();
  std::vector<bool> summed(x.rank());
  for (const double axis : in[1]) {
    const double a = axis < 0 ? axis + static_cast<double>(x.rank()) : axis;
    summed[static_cast<std::size_t>(a)] = true;
  }
  Shape kept = x;
  for (std::size_t d = 0; d < x.rank(); ++d) kept[d] = summed[d] ? 1 : x[d];
  Values out(y.numel());
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    std::vector<std::int64_t> index = index_of(x, i);
    for (std::size_t d = 0; d < x.rank(); ++d) index[d] = summed[d] ? 0 : index[d];
    out[offset_of(kept, index)] += in[0][i];
  }
  const double terms = static_cast<double>(x.numel()) / static_cast<double>(y.numel());
  const bool plain = is_integer(row.inputs[0].type.dtype) && !row.inputs[0].type.quantized();
  for (double& v : out) v = plain ? std::trunc(v / terms) : v / terms;
  return out;
}

extern const OpRows mean{
    .op = "MEAN",
    .reference = reference,
    .rows =
        {
            {"over the picture", {f32({2, 4, 5, 3}), ints({1, 2})}, {f32({2, 3})}},
            {"kept as ones", {f32({2, 4, 5, 3}), ints({1, 2})}, {f32({2, 1, 1, 3})}, keep_dims()},
            {"the last axis", {f32({3, 21}), ints({-1})}, {f32({3})}},
            {"the first axis", {f32({5, 3}), ints({0})}, {f32({3})}},
            {"axes apart", {f32({2, 3, 4, 5}), ints({3, 1})}, {f32({2, 4})}},
            {"an axis twice", {f32({2, 3}), ints({1, -1})}, {f32({2})}},
            {"everything", {f32({2, 3, 4}), ints({0, 1, 2})}, {f32({})}},
            {"no axis", {f32({2, 3}), ints({})}, {f32({2, 3})}},
            {"a scalar axis", {f32({2, 3}), i32({}).values({1})}, {f32({2})}},
            {"nothing to compute", {f32({2, 0}), ints({0})}, {f32({0})}},
            {"int8", {i8({2, 4, 5, 3}, 0.05f, -3), ints({1, 2})}, {i8({2, 3}, 0.03f, 5)}},
            {"int8 saturates", {i8({8, 3}, 0.05f, -3), ints({0})}, {i8({3}, 0.001f, 5)}},
            {"uint8", {u8({2, 4, 5, 3}, 0.05f, 120), ints({1, 2})}, {u8({2, 3}, 0.03f, 130)}},
            {"int16", {i16({2, 4, 3}, 0.002f), ints({1})}, {i16({2, 3}, 0.001f)}},
            {"int32 is cut towards zero", {i32({7, 5}), ints({0})}, {i32({5})}},
            {"int64 is cut towards zero", {i64({7, 5}), ints({0})}, {i64({5})}},
        },
    .refused =
        {
            {{"nothing to take the mean of", {f32({2, 0}), ints({1})}, {f32({2})}}, "at least one"},
            {{"an axis too far", {f32({2, 3}), ints({2})}, {f32({2, 3})}}, "axis"},
            {{"int16 off zero", {i16({4}, 0.002f, 1), ints({0})}, {i16({}, 0.001f)}}, "zero_point"},
        },
};

}  // namespace hone::tests::mean_rows
