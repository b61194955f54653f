#include "tests/ops/windows.h"

namespace hone::tests::depthwise_conv_2d_rows {
namespace {

using Act = tflite::ActivationFunctionType;
constexpr auto SAME = tflite::Padding_SAME, VALID = tflite::Padding_VALID;

/// The multiplier of the options is left at 0: the shapes decide.
tflite::DepthwiseConv2DOptionsT conv(tflite::Padding padding, int stride = 1, int dilation = 1,
                                     Act act = tflite::ActivationFunctionType_NONE) {
  tflite::DepthwiseConv2DOptionsT o;
  o.padding = padding;
  o.stride_h = o.stride_w = stride;
  o.dilation_h_factor = o.dilation_w_factor = dilation;
  o.fused_activation_function = act;
  return o;
}

Values reference(const Row& row, const Inputs& in) {
  const auto o = row.options.as<tflite::DepthwiseConv2DOptionsT>();
  const Shape &x = row.shape_in(0), &w = row.shape_in(1), &y = row.shape_out();
  const TestAxis h(x[1], y[1], w[1], o.stride_h, o.dilation_h_factor, o.padding);
  const TestAxis v(x[2], y[2], w[2], o.stride_w, o.dilation_w_factor, o.padding);
  const auto outputs = static_cast<std::size_t>(w[3]);
  const std::size_t multiplier = outputs / static_cast<std::size_t>(x[3]);
  Values z(y.numel());
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = row.has(2) ? in[2][i % outputs] : 0;
  each_window_tap(x, y, h, v, [&](std::size_t to, std::size_t from, std::size_t tap) {
    for (std::size_t k = 0; k < outputs; ++k) {
      z[to + k] += in[0][from + k / multiplier] * in[1][tap * outputs + k];
    }
  });
  return z;
}

Arg weights(Shape shape) { return f32(shape).between(-0.5, 0.5).weight(); }
Arg bias(std::int64_t n) { return f32({n}).weight(); }

}  // namespace

extern const OpRows depthwise_conv_2d{
    .op = "DEPTHWISE_CONV_2D",
    .reference = reference,
    .rows =
        {
            {"no bias",
             {f32({2, 4, 5, 3}), weights({1, 3, 3, 3})},
             {f32({2, 4, 5, 3})},
             conv(SAME)},
            {"more channels than a block",
             {f32({1, 3, 3, 70}), weights({1, 2, 2, 70}), bias(70)},
             {f32({1, 2, 2, 70})},
             conv(VALID)},
            {"stride 2",
             {f32({1, 7, 6, 3}), weights({1, 3, 3, 3}), bias(3)},
             {f32({1, 4, 3, 3})},
             conv(SAME, 2)},
            {"dilation 2",
             {f32({1, 7, 7, 2}), weights({1, 3, 3, 2}), bias(2)},
             {f32({1, 3, 3, 2})},
             conv(VALID, 1, 2)},
            {"window wider than the image",
             {f32({1, 2, 2, 2}), weights({1, 7, 7, 2}), bias(2)},
             {f32({1, 2, 2, 2})},
             conv(SAME)},
            {"multiplier 3",
             {f32({2, 4, 4, 2}), weights({1, 3, 3, 6}), bias(6)},
             {f32({2, 4, 4, 6})},
             conv(SAME)},
            {"one channel, multiplier 40",
             {f32({1, 3, 3, 1}), weights({1, 2, 2, 40}), bias(40)},
             {f32({1, 2, 2, 40})},
             conv(VALID)},
            {"relu",
             {f32({1, 4, 4, 3}), weights({1, 3, 3, 3}), bias(3)},
             {f32({1, 4, 4, 3})},
             conv(SAME, 1, 1, tflite::ActivationFunctionType_RELU)},
            {"no images",
             {f32({0, 4, 4, 3}), weights({1, 3, 3, 3}), bias(3)},
             {f32({0, 4, 4, 3})},
             conv(SAME)},
            {"int8",
             {i8({1, 5, 5, 4}, 0.02f, 5), i8({1, 3, 3, 4}, 0.01f).weight(),
              i32({4}, 0.0002f).constant()},
             {i8({1, 5, 5, 4}, 0.05f, -10)},
             conv(SAME)},
            {"int8 per axis saturates",
             {i8({2, 5, 5, 3}, 0.02f, -128),
              i8_axis({1, 3, 3, 3}, 3, {0.01f, 0.02f, 0.004f}).weight(),
              i32_axis({3}, 0, {0.0002f, 0.0004f, 0.00008f}).constant()},
             {i8({2, 3, 3, 3}, 0.01f, -128)},
             conv(SAME, 2, 1, tflite::ActivationFunctionType_RELU)},
            {"uint8",
             {u8({1, 4, 4, 2}, 0.02f, 120), u8({1, 2, 2, 4}, 0.01f, 130).weight(),
              i32({4}, 0.0002f).constant()},
             {u8({1, 3, 3, 4}, 0.05f, 100)},
             conv(VALID)},
            {"int16",
             {i16({1, 4, 4, 2}, 0.0001f), i8({1, 3, 3, 2}, 0.01f).weight(),
              i64({2}, 0.000001f).constant()},
             {i16({1, 4, 4, 2}, 0.0005f)},
             conv(SAME)},
            {"int4 weights",
             {i8({1, 4, 4, 2}, 0.02f, 5), i4({1, 3, 3, 2}, 0.1f).weight(),
              i32({2}, 0.002f).constant()},
             {i8({1, 4, 4, 2}, 0.05f, 0)},
             conv(SAME)},
        },
    .refused =
        {
            {{"stride 0",
              {f32({1, 4, 4, 2}), weights({1, 3, 3, 2}), bias(2)},
              {f32({1, 4, 4, 2})},
              conv(SAME, 0)},
             "stride"},
            {{"channels",
              {f32({1, 4, 4, 2}), weights({1, 3, 3, 3}), bias(3)},
              {f32({1, 4, 4, 3})},
              conv(SAME)},
             "outputs"},
            {{"first dimension",
              {f32({1, 4, 4, 2}), weights({2, 3, 3, 2}), bias(2)},
              {f32({1, 4, 4, 2})},
              conv(SAME)},
             "[1, KH, KW"},
            {{"scales along another axis",
              {i8({1, 5, 5, 3}, 0.02f),
               i8_axis({1, 3, 3, 3}, 1, {0.01f, 0.02f, 0.004f}).constant()},
              {i8({1, 5, 5, 3}, 0.01f)},
              conv(SAME)},
             "axis 3"},
        },
};

}  // namespace hone::tests::depthwise_conv_2d_rows
