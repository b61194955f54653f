#include "tests/ops/windows.h"

namespace hone::tests::average_pool_2d_rows {
namespace {

using Act = tflite::ActivationFunctionType;
constexpr auto SAME = tflite::Padding_SAME, VALID = tflite::Padding_VALID;

tflite::Pool2DOptionsT pool(tflite::Padding padding, int height, int width, int stride_h,
                            int stride_w, Act act = tflite::ActivationFunctionType_NONE) {
  tflite::Pool2DOptionsT o;
  o.padding = padding;
  o.filter_height = height;
  o.filter_width = width;
  o.stride_h = stride_h;
  o.stride_w = stride_w;
  o.fused_activation_function = act;
  return o;
}

Values reference(const Row& row, const Inputs& in) {
  const auto o = row.options.as<tflite::Pool2DOptionsT>();
  const Shape &x = row.shape_in(0), &y = row.shape_out();
  const TestAxis h(x[1], y[1], o.filter_height, o.stride_h, 1, o.padding);
  const TestAxis w(x[2], y[2], o.filter_width, o.stride_w, 1, o.padding);
  const auto channels = static_cast<std::size_t>(x[3]);
  Values sums(y.numel()), counts(y.numel());
  each_window_tap(x, y, h, w, [&](std::size_t to, std::size_t from, std::size_t) {
    for (std::size_t c = 0; c < channels; ++c) {
      sums[to + c] += in[0][from + c];
      ++counts[to + c];
    }
  });
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i];
  return sums;
}

}  // namespace

extern const OpRows average_pool_2d{
    .op = "AVERAGE_POOL_2D",
    .reference = reference,
    .rows =
        {
            {"2 x 2", {f32({2, 4, 6, 3})}, {f32({2, 2, 3, 3})}, pool(VALID, 2, 2, 2, 2)},
            {"overlapping, padded",
             {f32({1, 5, 4, 2})},
             {f32({1, 5, 4, 2})},
             pool(SAME, 3, 3, 1, 1)},
            {"oblong", {f32({1, 7, 8, 2})}, {f32({1, 4, 3, 2})}, pool(SAME, 3, 2, 2, 3)},
            {"the rest is left out",
             {f32({1, 5, 5, 2})},
             {f32({1, 2, 2, 2})},
             pool(VALID, 2, 2, 2, 2)},
            {"the whole image",
             {f32({2, 3, 3, 70})},
             {f32({2, 1, 1, 70})},
             pool(VALID, 3, 3, 1, 1)},
            {"window wider than the image",
             {f32({1, 2, 2, 2})},
             {f32({1, 2, 2, 2})},
             pool(SAME, 9, 9, 1, 1)},
            {"relu6",
             {f32({1, 4, 4, 3})},
             {f32({1, 2, 2, 3})},
             pool(VALID, 2, 2, 2, 2, tflite::ActivationFunctionType_RELU6)},
            {"no images", {f32({0, 4, 4, 3})}, {f32({0, 2, 2, 3})}, pool(VALID, 2, 2, 2, 2)},
            {"int8",
             {i8({1, 5, 5, 3}, 0.02f, 5)},
             {i8({1, 3, 3, 3}, 0.02f, 5)},
             pool(SAME, 3, 3, 2, 2)},
            {"int8 relu",
             {i8({1, 5, 5, 3}, 0.02f, 5)},
             {i8({1, 3, 3, 3}, 0.02f, 5)},
             pool(SAME, 3, 3, 2, 2, tflite::ActivationFunctionType_RELU)},
            {"uint8",
             {u8({1, 4, 4, 3}, 0.02f, 100)},
             {u8({1, 2, 2, 3}, 0.02f, 100)},
             pool(VALID, 2, 2, 2, 2)},
            {"int16",
             {i16({1, 4, 4, 3}, 0.001f)},
             {i16({1, 2, 2, 3}, 0.001f)},
             pool(VALID, 2, 2, 2, 2)},
        },
    .refused =
        {
            {{"stride 0", {f32({1, 4, 4, 2})}, {f32({1, 2, 2, 2})}, pool(VALID, 2, 2, 0, 2)},
             "stride"},
            {{"filter 0", {f32({1, 4, 4, 2})}, {f32({1, 2, 2, 2})}, pool(VALID, 2, 0, 2, 2)},
             "filter"},
            {{"image too small", {f32({1, 2, 4, 2})}, {f32({1, 1, 2, 2})}, pool(VALID, 3, 3, 1, 1)},
             "height"},
            {{"another scale",
              {i8({1, 4, 4, 2}, 0.02f)},
              {i8({1, 2, 2, 2}, 0.03f)},
              pool(VALID, 2, 2, 2, 2)},
             "scale"},
        },
};

}  // namespace hone::tests::average_pool_2d_rows
