#include "tests/ops/windows.h"

namespace hone::tests::conv_2d_rows {
namespace {

using Act = tflite::ActivationFunctionType;
constexpr auto SAME = tflite::Padding_SAME, VALID = tflite::Padding_VALID;

tflite::Conv2DOptionsT conv(tflite::Padding padding, int stride = 1, int dilation = 1,
                            Act act = tflite::ActivationFunctionType_NONE) {
  tflite::Conv2DOptionsT o;
  o.padding = padding;
  o.stride_h = o.stride_w = stride;
  o.dilation_h_factor = o.dilation_w_factor = dilation;
  o.fused_activation_function = act;
  return o;
}
tflite::Conv2DOptionsT int32_bias() {
  auto o = conv(SAME);
  o.quantized_bias_type = tflite::TensorType_INT32;
  return o;
}
tflite::Conv2DOptionsT oblong() {
  auto o = conv(SAME, 3, 1);
  o.stride_w = 1;
  o.dilation_h_factor = 2;
  return o;
}

Values reference(const Row& row, const Inputs& in) {
  const auto o = row.options.as<tflite::Conv2DOptionsT>();
  const Shape &x = row.shape_in(0), &w = row.shape_in(1), &y = row.shape_out();
  const TestAxis h(x[1], y[1], w[1], o.stride_h, o.dilation_h_factor, o.padding);
  const TestAxis v(x[2], y[2], w[2], o.stride_w, o.dilation_w_factor, o.padding);
  const auto outputs = static_cast<std::size_t>(w[0]), inner = static_cast<std::size_t>(w[3]);
  const auto taps = static_cast<std::size_t>(w[1] * w[2]);
  const std::size_t group = outputs / static_cast<std::size_t>(x[3] / w[3]);
  Values z(y.numel());
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = row.has(2) ? in[2][i % outputs] : 0;
  each_window_tap(x, y, h, v, [&](std::size_t to, std::size_t from, std::size_t tap) {
    for (std::size_t k = 0; k < outputs; ++k) {
      for (std::size_t c = 0; c < inner; ++c) {
        z[to + k] += in[0][from + k / group * inner + c] * in[1][(k * taps + tap) * inner + c];
      }
    }
  });
  return z;
}

Arg weights(Shape shape) { return f32(shape).between(-0.5, 0.5).weight(); }
Arg bias(std::int64_t n) { return f32({n}).weight(); }

}  // namespace

extern const OpRows conv_2d{
    .op = "CONV_2D",
    .reference = reference,
    .rows =
        {
            {"one pixel",
             {f32({1, 1, 1, 1}), weights({1, 1, 1, 1}), bias(1)},
             {f32({1, 1, 1, 1})},
             conv(VALID)},
            {"no bias",
             {f32({2, 4, 5, 3}), weights({4, 3, 3, 3})},
             {f32({2, 4, 5, 4})},
             conv(SAME)},
            {"more outputs than a block",
             {f32({1, 3, 3, 5}), weights({70, 2, 2, 5}), bias(70)},
             {f32({1, 2, 2, 70})},
             conv(VALID)},
            {"stride 2",
             {f32({1, 7, 6, 3}), weights({8, 3, 3, 3}), bias(8)},
             {f32({1, 4, 3, 8})},
             conv(SAME, 2)},
            {"strides 3 and 1, dilations 2 and 1",
             {f32({1, 9, 5, 2}), weights({3, 3, 2, 2}), bias(3)},
             {f32({1, 3, 5, 3})},
             oblong()},
            {"dilation 2",
             {f32({1, 7, 7, 2}), weights({3, 3, 3, 2}), bias(3)},
             {f32({1, 3, 3, 3})},
             conv(VALID, 1, 2)},
            {"window wider than the image",
             {f32({1, 2, 2, 2}), weights({3, 7, 7, 2}), bias(3)},
             {f32({1, 2, 2, 3})},
             conv(SAME)},
            {"stride wider than the window",
             {f32({1, 7, 7, 2}), weights({3, 1, 1, 2}), bias(3)},
             {f32({1, 3, 3, 3})},
             conv(SAME, 3)},
            {"groups",
             {f32({2, 4, 4, 6}), weights({9, 3, 3, 2}), bias(9)},
             {f32({2, 4, 4, 9})},
             conv(SAME)},
            {"relu6",
             {f32({1, 4, 4, 3}), weights({5, 3, 3, 3}), bias(5)},
             {f32({1, 4, 4, 5})},
             conv(SAME, 1, 1, tflite::ActivationFunctionType_RELU6)},
            {"no images",
             {f32({0, 4, 4, 3}), weights({5, 3, 3, 3}), bias(5)},
             {f32({0, 4, 4, 5})},
             conv(SAME)},
            {"int8",
             {i8({1, 5, 5, 3}, 0.02f, 5), i8({4, 3, 3, 3}, 0.01f).weight(),
              i32({4}, 0.0002f).constant()},
             {i8({1, 5, 5, 4}, 0.05f, -10)},
             conv(SAME)},
            {"int8 per axis saturates",
             {i8({2, 5, 5, 3}, 0.02f, -128),
              i8_axis({3, 3, 3, 3}, 0, {0.01f, 0.02f, 0.004f}).weight(),
              i32_axis({3}, 0, {0.0002f, 0.0004f, 0.00008f}).constant()},
             {i8({2, 3, 3, 3}, 0.01f, -128)},
             conv(SAME, 2, 1, tflite::ActivationFunctionType_RELU)},
            {"uint8",
             {u8({1, 4, 4, 2}, 0.02f, 120), u8({3, 2, 2, 2}, 0.01f, 130).weight(),
              i32({3}, 0.0002f).constant()},
             {u8({1, 3, 3, 3}, 0.05f, 100)},
             conv(VALID)},
            {"int16",
             {i16({1, 4, 4, 2}, 0.0001f), i8({3, 3, 3, 2}, 0.01f).weight(),
              i64({3}, 0.000001f).constant()},
             {i16({1, 4, 4, 3}, 0.0005f)},
             conv(SAME)},
            {"int16 with an int32 bias",
             {i16({1, 4, 4, 2}, 0.0001f), i8({3, 3, 3, 2}, 0.01f).weight(),
              i32({3}, 0.000001f).constant()},
             {i16({1, 4, 4, 3}, 0.0005f)},
             int32_bias()},
            {"int8 weights with a zero point",
             {i8({2, 4, 4, 8}, 0.02f, 5), i8({20, 3, 3, 8}, 0.01f, -100).weight(),
              i32({20}, 0.0002f).constant()},
             {i8({2, 4, 4, 20}, 0.05f, 0)},
             conv(SAME)},
            {"int4 weights",
             {i8({1, 4, 4, 2}, 0.02f, 5), i4({3, 3, 3, 2}, 0.1f).weight(),
              i32({3}, 0.002f).constant()},
             {i8({1, 4, 4, 3}, 0.05f, 0)},
             conv(SAME)},
        },
    .refused =
        {
            {{"stride 0",
              {f32({1, 4, 4, 2}), weights({3, 3, 3, 2}), bias(3)},
              {f32({1, 4, 4, 3})},
              conv(SAME, 0)},
             "stride"},
            {{"dilation -1",
              {f32({1, 4, 4, 2}), weights({3, 3, 3, 2}), bias(3)},
              {f32({1, 4, 4, 3})},
              conv(SAME, 1, -1)},
             "dilation"},
            {{"image too small",
              {f32({1, 2, 4, 2}), weights({3, 3, 3, 2}), bias(3)},
              {f32({1, 1, 2, 3})},
              conv(VALID)},
             "height"},
            {{"channels",
              {f32({1, 4, 4, 5}), weights({3, 3, 3, 2}), bias(3)},
              {f32({1, 4, 4, 3})},
              conv(SAME)},
             "channels"},
            {{"outputs and groups",
              {f32({1, 4, 4, 4}), weights({3, 3, 3, 2}), bias(3)},
              {f32({1, 4, 4, 3})},
              conv(SAME)},
             "outputs"},
            {{"bias of another length",
              {f32({1, 4, 4, 2}), weights({3, 3, 3, 2}), bias(4)},
              {f32({1, 4, 4, 3})},
              conv(SAME)},
             "bias"},
            {{"rank",
              {f32({4, 4, 2}), weights({3, 3, 3, 2}), bias(3)},
              {f32({4, 4, 3})},
              conv(SAME)},
             "dimensions"},
            {{"activation",
              {f32({1, 4, 4, 2}), weights({3, 3, 3, 2}), bias(3)},
              {f32({1, 4, 4, 3})},
              conv(SAME, 1, 1, static_cast<Act>(77))},
             "activation"},
            {{"int16 off zero",
              {i16({1, 4, 4, 2}, 0.0001f, 3), i8({3, 3, 3, 2}, 0.01f).constant(),
               i64({3}, 0.000001f).constant()},
              {i16({1, 4, 4, 3}, 0.0005f)},
              conv(SAME)},
             "zero_point"},
        },
};

}  // namespace hone::tests::conv_2d_rows
