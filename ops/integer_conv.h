#pragma once
/// Integer convolutions and fully connected layers on the kernels of this machine: the arithmetic
/// of LiteRT's reference kernels for 8-bit activations, to the bit.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/kernels/direct_conv.h"
#include "ops/kernels/kernels.h"
#include "ops/linear.h"

namespace hone::ops {

/// Factors of a layer in the form of the kernels; keeps what Requant points to.
class RequantFactors {
 public:
  RequantFactors() = default;
  /// Fixed-point factors, rounded twice.
  explicit RequantFactors(const Requantize& r);
  /// Factors in double, rounded once, halves away from zero.
  RequantFactors(std::vector<double> factors, std::int32_t zero_point, std::int32_t low,
                 std::int32_t high);

  /// Of the outputs from `first` on; bias (of all outputs) may be null.
  Requant from(std::int64_t first, const std::int32_t* bias) const noexcept;

 private:
  std::vector<std::int32_t> multipliers_, left_, right_;
  bool only_right_ = false;
  std::vector<double> factors_;
  std::int32_t zero_point_ = 0, low_ = 0, high_ = 0;
};

/// 8-bit images and weights of any zero points, int32 sums.
class IntegerConv {
 public:
  IntegerConv() = default;
  /// Throws Error (unsupported): see kernels().
  IntegerConv(const ConvShape& shape, const TensorType& weights, RequantFactors factors,
              std::pmr::memory_resource* memory);

  /// False where offsets do not fit 32 bits: use direct_conv.
  bool usable() const noexcept { return usable_; }

  /// Bytes that pack() writes: the weights (out, taps, channels) less their zero point, as
  /// (groups, taps, lanes, outputs of a group) of GatherInteger; of bytes, the sum of each output's
  /// too.
  std::size_t packed_bytes() const noexcept;
  void pack(const std::int8_t* w, std::int32_t zero_point, std::byte* packed) const noexcept;
  void pack(const std::uint8_t* w, std::int32_t zero_point, std::byte* packed) const noexcept;

  /// Bytes of scratch: biases, and one image in the kernel's elements, with its padding on the left
  /// and on the right.
  std::size_t scratch_bytes() const noexcept;

  /// T: std::int8_t or, with such weights, std::uint8_t; bias may be null; `packed` of pack().
  template <class T>
  void forward(const T* x, std::int32_t zero_point, const std::byte* packed,
               const std::int32_t* bias, T* y, std::byte* scratch) const noexcept {
    forward(static_cast<const void*>(x), std::is_unsigned_v<T>, zero_point, packed, bias,
            reinterpret_cast<std::int8_t*>(y), scratch);
  }

 private:
  Conv shape_in_lanes() noexcept;
  std::size_t weight_bytes() const noexcept;
  std::size_t outside_bytes() const noexcept;
  template <class T>
  void pack_pairs(const T* w, std::int32_t zero_point, std::int16_t* packed) const noexcept;
  void pack_bytes(const std::int8_t* w, std::byte* packed) const noexcept;
  void correct_biases(const std::int32_t* bias, const std::byte* packed, std::int32_t zero,
                      std::int32_t* corrected) const noexcept;
  void forward(const void* x, bool is_unsigned, std::int32_t zero_point, const std::byte* packed,
               const std::int32_t* bias, std::int8_t* y, std::byte* scratch) const noexcept;

  const Kernels* kernels_ = nullptr;
  ConvShape shape_;
  bool bytes_ = false;        // four bytes in a lane, not two int16
  std::int64_t in_lane_ = 2;  // channels
  // What the kernel takes for a tap: where groups and dilation allow, a row of the window, whose
  // channels lie side by side in a padded image.
  std::int64_t taps_ = 0, channels_ = 0;
  std::int64_t lanes_ = 0;  // of channels, in one group
  // The image in the kernel's elements: so many rows of so many, and how far they are apart.
  std::int64_t rows_ = 0, columns_ = 0, row_step_ = 0;
  std::int64_t lead_ = 0;  // padding in front of the first row
  std::int64_t tiles_ = 0;
  RequantFactors factors_;
  bool usable_ = false;
  Tensor table_;  // offsets, int32; none where a product of matrices needs none
};

}  // namespace hone::ops
