/// Integer convolutions whose weights are not kept in the order of the kernels, and so are packed
/// some outputs, and multiplied some pixels, at a time: against sums by the definition.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <hone/variable.h>

#include "ops/table.h"
#include "src/schema/options.h"

namespace hone {
namespace {

Tensor bytes(Shape shape, int most, unsigned seed) {
  std::mt19937 engine(seed);
  std::vector<std::int8_t> values(shape.numel());
  for (auto& v : values) {
    v = static_cast<std::int8_t>(std::uniform_int_distribution<int>(-most, most)(engine));
  }
  return Tensor::of<std::int8_t>(shape, values, {.scale = 1});
}

/// All scales are 1 and zero points 0: an output is its sum, within int8.  Stride 1; the window is
/// centred where the image keeps its size.
std::vector<std::int8_t> by_definition(const Tensor& x, const Tensor& w, const Shape& y) {
  const std::int64_t kh = w.shape()[1], kw = w.shape()[2], channels = w.shape()[3];
  const std::int64_t height = x.shape()[1], width = x.shape()[2];
  const std::int64_t top = y[1] == height ? kh / 2 : 0, left = y[2] == width ? kw / 2 : 0;
  const auto image = x.data<std::int8_t>(), weights = w.data<std::int8_t>();
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::vector<std::int8_t> out;
  for (std::int64_t p = 0; p < y[0] * y[1] * y[2]; ++p) {
    const std::int64_t n = p / (y[1] * y[2]), row = p / y[2] % y[1], column = p % y[2];
    for (std::int64_t o = 0; o < y[3]; ++o) {
      int sum = 0;
      for (std::int64_t t = 0; t < kh * kw; ++t) {
        const std::int64_t i = row + t / kw - top, j = column + t % kw - left;
        if (i < 0 || i >= height || j < 0 || j >= width) continue;
        for (std::int64_t c = 0; c < channels; ++c) {
          sum += image[at(((n * height + i) * width + j) * channels + c)] *
                 weights[at((o * kh * kw + t) * channels + c)];
        }
      }
      out.push_back(static_cast<std::int8_t>(std::clamp(sum, -128, 127)));
    }
  }
  return out;
}

TEST(UnkeptWeights, GiveTheSumsOfTheConvolution) {
  const OpDef& op = *ops::find(tflite::BuiltinOperator_CONV_2D);
  for (const std::int64_t window : {1, 3}) {
    for (const std::int64_t outputs : {7, 48, 100}) {
      const Tensor x = bytes({2, 13, 11, 6}, 4, 1), w = bytes({outputs, window, window, 6}, 3, 2);
      const TensorType declared(DType::int8, {2, 13, 11, outputs}, {.scale = 1});
      const std::array<Variable, 2> inputs{Variable(x), Variable(w)};
      const Variables y = apply(op, op.default_attributes(), inputs,
                                {.declared = std::span(&declared, 1), .keeps_packed = false});
      const auto got = y[0].data().data<std::int8_t>();
      EXPECT_EQ(std::vector<std::int8_t>(got.begin(), got.end()), by_definition(x, w, y[0].shape()))
          << window << " x " << window << ", " << outputs << " outputs";
    }
  }
}

}  // namespace
}  // namespace hone
