#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <hone/tensor.h>

#include "src/tensor/dry_run.h"

namespace hone {
namespace {

TEST(Half, EveryValueSurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half h{static_cast<std::uint16_t>(bits)};
    const float f = static_cast<float>(h);
    if (std::isnan(f)) continue;
    EXPECT_EQ(Half::round(f), h) << bits;
  }
}

TEST(Half, RoundsToNearestWithTiesToEven) {
  EXPECT_EQ(Half::round(1.0f + 0x1p-11f).bits, 0x3c00);      // a tie, down to even
  EXPECT_EQ(Half::round(1.0f + 3 * 0x1p-11f).bits, 0x3c02);  // a tie, up to even
  EXPECT_EQ(Half::round(std::nextafter(1.0f + 0x1p-11f, 2.0f)).bits, 0x3c01);
  EXPECT_EQ(Half::round(65519.99f).bits, 0x7bff);
  EXPECT_EQ(Half::round(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Half::round(0x1p-25f).bits, 0);
  EXPECT_EQ(Half::round(std::nextafter(0x1p-25f, 1.0f)).bits, 1);
}

TEST(Tensor, GivesItsBytesBack) {
  const std::size_t before = memory_use().current_bytes;
  {
    const Tensor a = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
    const Tensor b = a;
    EXPECT_FALSE(a.unique());
    EXPECT_GT(memory_use().current_bytes, before);
  }
  EXPECT_EQ(memory_use().current_bytes, before);
}

TEST(Tensor, DequantizesPerAxis) {
  QuantParams quant;
  quant.axis = 0;
  quant.axis_scales = std::make_shared<std::vector<float>>(std::vector<float>{0.5f, 2.0f});
  const std::int8_t q[] = {1, -2, 3, -4};
  const Tensor f = Tensor::of<std::int8_t>({2, 2}, q, quant).to_float();
  const float expected[] = {0.5f, -1.0f, 6.0f, -8.0f};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(f.data<float>()[i], expected[i]);
}

TEST(Tensor, RefusesShapesThatOverflow) {
  const auto huge = std::numeric_limits<std::int64_t>::max() / 2;
  EXPECT_THROW(Tensor(TensorType(DType::float32, {huge, huge})), Error);
  EXPECT_THROW((Tensor::of<float>({3}, {1.0f})), Error);
}

TensorType per_axis(Shape shape, int axis, std::size_t scales) {
  TensorType type(DType::int8, std::move(shape));
  type.axis = axis;
  type.axis_scales = std::make_shared<const std::vector<float>>(scales, 0.5f);
  return type;
}

TEST(PerAxisTensor, HasAScaleForEachIndexOfItsAxis) {
  EXPECT_NO_THROW(Tensor(per_axis({2, 3}, 1, 3)));
  EXPECT_THROW(Tensor(per_axis({2, 3}, 1, 2)), Error);
  EXPECT_THROW(Tensor(per_axis({2, 3}, 0, 3)), Error);
  EXPECT_THROW(Tensor(per_axis({2, 3}, 2, 3)), Error);
  EXPECT_THROW(Tensor(per_axis({2, 3}, -1, 3)), Error);
}

TEST(PerAxisTensor, KeepsThatWhenItIsReshapedOrRetyped) {
  const Tensor x = Tensor::zeros(per_axis({2, 3}, 1, 3));
  EXPECT_NO_THROW(x.reshaped({1, 3, 2}));
  EXPECT_THROW(x.reshaped({6}), Error);
  EXPECT_THROW(x.reshaped({3, 2}), Error);
  EXPECT_THROW(x.retyped(per_axis({2, 3}, 0, 3)), Error);
}

TEST(TensorView, SharesValuesAndVersionAndOutlivesItsSource) {
  Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor view = x.reshaped({3, 2}).reshaped({6});
  EXPECT_TRUE(view.shares_storage(x));
  EXPECT_FALSE(x.unique());
  x.bump_version();
  EXPECT_EQ(view.version(), x.version());
  view.bump_version();
  EXPECT_EQ(view.version(), x.version());
  x = {};
  EXPECT_TRUE(view.unique());
  EXPECT_EQ(view.data<float>()[5], 6.0f);
}

TEST(Tensor, ChangesItsTypeInAllCopies) {
  Tensor x(per_axis({2, 3}, 1, 3));
  const Tensor copy = x;
  const std::uint64_t before = copy.version();
  x.set_type(per_axis({3, 2}, 0, 3));
  EXPECT_EQ(copy.shape(), Shape({3, 2}));
  EXPECT_NE(copy.version(), before);
  EXPECT_THROW(x.set_type(per_axis({3, 2}, 1, 3)), Error);
  EXPECT_THROW(x.set_type(TensorType(DType::float32, {3, 2})), Error);
  EXPECT_EQ(copy.shape(), Shape({3, 2}));
}

TEST(DequantizedTensor, FallsBelowAZeroPointAboveItsUnsignedValue) {
  QuantParams quant;
  quant.scale = 0.5f;
  quant.zero_point = 10;
  Tensor x(TensorType(DType::uint32, {3}, quant));
  const auto words = x.mutable_data<std::uint32_t>();
  words[0] = 4, words[1] = 10, words[2] = 12;
  const Tensor real = x.to_float();
  EXPECT_EQ(real.data<float>()[0], -3.0f);
  EXPECT_EQ(real.data<float>()[1], 0.0f);
  EXPECT_EQ(real.data<float>()[2], 1.0f);
}

TEST(LazyMemory, KeepsTheAlignmentAndIsZero) {
  LazyMemory memory;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{100},
                                  std::size_t{8191}, std::size_t{8192}, std::size_t{100'000}}) {
    std::vector<void*> blocks;
    for (int i = 0; i < 8; ++i) {  // one alone may be aligned by chance
      blocks.push_back(memory.allocate(bytes, 64));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()) % 64, 0u) << bytes;
      const auto* values = static_cast<const unsigned char*>(blocks.back());
      EXPECT_TRUE(std::all_of(values, values + bytes, [](unsigned char v) { return v == 0; }));
    }
    for (void* block : blocks) memory.deallocate(block, bytes, 64);
  }
}

}  // namespace
}  // namespace hone
