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
  /// Weights that are not kept in the kernel's order are packed some outputs at a time, products of
  /// matrices take some rows at a time, and tables are made anew: less memory, more time.
  /// Throws Error (unsupported): see kernels().
  IntegerConv(const ConvShape& shape, const TensorType& weights, RequantFactors factors,
              bool keeps_packed, std::pmr::memory_resource* memory);

  /// False where offsets do not fit 32 bits: use direct_conv.
  bool usable() const noexcept { return usable_; }

  /// Bytes that pack() writes; 0 where forward() packs.
  std::size_t packed_bytes() const noexcept;
  void pack(const void* w, std::byte* packed) const noexcept;

  /// Bytes of scratch: table and weights where they are not kept, biases, and one image in the
  /// kernel's elements, with its padding on the left and on the right.
  std::size_t scratch_bytes() const noexcept;

  /// T: std::int8_t or, with such weights, std::uint8_t; bias may be null; `packed` of pack().
  template <class T>
  void forward(const T* x, std::int32_t zero_point, const void* w, const std::byte* packed,
               const std::int32_t* bias, T* y, std::byte* scratch) const noexcept {
    forward(static_cast<const void*>(x), std::is_unsigned_v<T>, zero_point, w, packed, bias,
            reinterpret_cast<std::int8_t*>(y), scratch);
  }

 private:
  Conv shape_in_lanes() noexcept;
  std::size_t outside_bytes() const noexcept;
  std::size_t table_bytes() const noexcept;
  std::uint8_t outside_of(
      std::int32_t zero_point) const noexcept;  // each byte outside of the image
  // A block: the weights (outputs, taps, channels) of some outputs of a group, less their zero
  // point, as (taps, lanes, outputs) of GatherInteger; of bytes, the sum of each output's too.
  std::size_t weight_bytes(std::int64_t outputs) const noexcept;
  std::size_t block_bytes() const noexcept;
  void pack_block(const void* w, std::int64_t first, std::int64_t count,
                  std::byte* packed) const noexcept;
  template <class T>
  void pack_pairs(const T* w, std::int64_t first, std::int64_t count,
                  std::int16_t* packed) const noexcept;
  void pack_bytes(const std::int8_t* w, std::int64_t first, std::int64_t count,
                  std::byte* packed) const noexcept;
  void correct_biases(const std::int32_t* bias, const std::uint32_t* sums, std::int32_t zero,
                      std::span<std::int32_t> corrected) const noexcept;
  void bring_in(const std::byte* x, std::int64_t rows, bool is_unsigned, std::int32_t zero_point,
                std::byte* image) const noexcept;
  // What a forward works with, and where its scratch is.
  struct Work {
    const std::int32_t* bias;
    std::int8_t* y;
    std::int32_t zero;  // of the image in the kernel's elements
    const std::int32_t* table;
    std::int32_t* own_table;
    std::byte* own_block;
    std::int32_t* corrected;
    std::byte *outside, *image;
    std::int64_t first_pixel, pixels;  // that are in the image
    std::int64_t outputs_in_table;     // of own_table; 0: not yet made
  };
  void run_block(Work& work, std::int64_t first, std::int64_t count,
                 const std::byte* packed) const noexcept;
  void forward(const void* x, bool is_unsigned, std::int32_t zero_point, const void* w,
               const std::byte* packed, const std::int32_t* bias, std::int8_t* y,
               std::byte* scratch) const noexcept;

  const Kernels* kernels_ = nullptr;
  ConvShape shape_;
  DType weights_ = DType::none;
  std::int32_t weights_zero_ = 0;
  bool keeps_ = true;
  std::int64_t block_ = 0;    // outputs that are packed at a time
  bool bytes_ = false;        // four bytes in a lane, not two int16
  std::int64_t in_lane_ = 2;  // channels
  // What the kernel takes for a tap: where groups and dilation allow, a row of the window, whose
  // channels lie side by side in a padded image.
  std::int64_t taps_ = 0, channels_ = 0;
  std::int64_t lanes_ = 0;  // of channels, in one group
  // The image in the kernel's elements: so many rows of so many, and how far they are apart.
  std::int64_t rows_ = 0, columns_ = 0, row_step_ = 0;
  std::int64_t lead_ = 0;   // padding in front of the first row
  Conv in_lanes_;           // the shape as the kernel sees it
  bool dense_ = false;      // a product of matrices: a row a pixel, no table
  std::int64_t piece_ = 0;  // pixels at a time
  RequantFactors factors_;
  bool usable_ = false;
  Tensor table_;  // offsets, int32, where they are kept and needed
};

}  // namespace hone::ops
