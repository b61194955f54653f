#include "tests/ops/rows.h"

namespace hone::tests::concatenation_rows {

static tflite::ConcatenationOptionsT axis(
    int a, tflite::ActivationFunctionType fused = tflite::ActivationFunctionType_NONE) {
  tflite::ConcatenationOptionsT options;
  options.axis = a;
  options.fused_activation_function = fused;
  return options;
}

static Values reference(const Row& row, const Inputs& in) {
  const Shape& y = row.shape_out();
  const int given = row.options.as<tflite::ConcatenationOptionsT>().axis;
  const auto a = static_cast<std::size_t>(given < 0 ? given + static_cast<int>(y.rank()) : given);
  Values out(y.numel());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::vector<std::int64_t> index = index_of(y, i);
    std::size_t part = 0;
    for (; index[a] >= row.shape_in(part)[a]; ++part) index[a] -= row.shape_in(part)[a];
    out[i] = in[part][offset_of(row.shape_in(part), index)];
  }
  return out;
}

extern const OpRows concatenation{
    .op = "CONCATENATION",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"the first axis", {f32({2, 3}), f32({1, 3})}, {f32({3, 3})}, axis(0)},
            {"the last axis", {f32({2, 3}), f32({2, 1}), f32({2, 4})}, {f32({2, 8})}, axis(-1)},
            {"in the middle", {f32({2, 3, 2}), f32({2, 1, 2})}, {f32({2, 4, 2})}, axis(1)},
            {"one input", {f32({2, 3})}, {f32({2, 3})}, axis(0)},
            {"with an empty input", {f32({2, 0}), f32({2, 3})}, {f32({2, 3})}, axis(1)},
            {"empty", {f32({0, 2}), f32({0, 3})}, {f32({0, 5})}, axis(1)},
            {"int8",
             {i8({2, 3}, 0.05f, -3), i8({2, 4}, 0.05f, -3)},
             {i8({2, 7}, 0.05f, -3)},
             axis(1)},
            {"int64", {i64({2, 3}), i64({2, 4})}, {i64({2, 7})}, axis(1)},
            {"uint8 of several scales",
             {u8({2, 30}, 0.05f, 120), u8({2, 40}, 0.02f, 100)},
             {u8({2, 70}, 0.03f, 128)},
             axis(1),
             {.clamps = true}},
        },
    .refused =
        {
            {{"another shape", {f32({2, 3}), f32({3, 3})}, {f32({2, 6})}, axis(1)}, "shapes"},
            {{"another rank", {f32({2, 3}), f32({2})}, {f32({2, 6})}, axis(1)}, "shapes"},
            {{"another type", {f32({2, 3}), i32({2, 3})}, {f32({2, 6})}, axis(1)}, "type"},
            {{"an axis too far", {f32({2, 3}), f32({2, 3})}, {f32({2, 6})}, axis(2)}, "axis"},
            {{"a fused activation",
              {f32({2, 3}), f32({2, 3})},
              {f32({2, 6})},
              axis(1, tflite::ActivationFunctionType_RELU)},
             "activation"},
            {{"int8 of several scales",
              {i8({2}, 0.05f), i8({2}, 0.04f)},
              {i8({4}, 0.05f)},
              axis(0)},
             "scale"},
        },
};

}  // namespace hone::tests::concatenation_rows
