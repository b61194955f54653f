#pragma once
/// A float convolution of a batch and its gradients on the kernels of this machine.

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include <hone/op.h>

#include "ops/kernels/direct_conv.h"
#include "ops/kernels/kernels.h"

namespace hone::ops {

/// What a call shape needs once: tables of offsets.  Layouts as in ConvShape.  Convolutions whose
/// offsets do not fit 32 bits run as plain loops.
class FloatConv {
 public:
  FloatConv() = default;
  /// What it is for: forward() and weight_grad(), input_grad(); whether the table of the first two
  /// is kept, or made anew in their scratch.
  struct Uses {
    bool forward = true, input_grad = true, keeps_table = true;
  };
  /// Throws Error (unsupported): see kernels().
  FloatConv(const ConvShape& shape, const Uses& uses, std::pmr::memory_resource* memory);

  /// Floats that pack() writes: the weights with the outputs innermost; 0 where forward() takes
  /// them as they are.
  std::size_t packed_size() const noexcept;
  void pack(const float* w, float* packed) const noexcept;

  /// y = clamp(b + x * w); b may be null.  `w` in its natural layout, `packed` of pack().
  /// scratch: forward_scratch() floats.
  void forward(const float* x, const float* w, const float* packed, const float* b, float low,
               float high, float* y, float* scratch) const noexcept;
  /// Whether gradients may be asked of some rows of the weights: a product of matrices.
  bool splits() const noexcept { return pointwise_; }
  /// gx = (or +=) the gradient of the images; `w`: those rows.
  void input_grad(const float* gy, const float* w, float* gx, bool add,
                  Backward::Rows rows) const noexcept;
  /// gw = (or +=) the gradient of those rows of the weights; scratch: weight_scratch() floats.
  void weight_grad(const float* gy, const float* x, float* gw, bool add, float* scratch,
                   Backward::Rows rows) const noexcept;
  void bias_grad(const float* gy, float* gb, bool add) const noexcept;
  std::size_t forward_scratch() const noexcept;
  std::size_t weight_scratch() const noexcept;

 private:
  std::int64_t pixels() const noexcept { return shape_.batch * shape_.window.outputs(); }
  void merge_columns() noexcept;
  std::size_t own_table_size() const noexcept;  // of scratch
  const std::int32_t* forward_table(float* own) const noexcept;
  const float* padded(const float* image, float* to) const noexcept;
  void forward_group(std::int64_t g, std::int64_t images, const float* x, const float* packed,
                     const std::int32_t* table, const float* b, float low, float high,
                     float* y) const noexcept;

  const Kernels* kernels_ = nullptr;
  ConvShape shape_;
  Conv group_;               // one group of one image
  Conv rows_;                // the same as its forward table sees it: see merge_columns()
  std::int64_t padded_ = 0;  // floats of an image with its padding columns; 0: as it is
  bool pointwise_ = false;   // a product of matrices: 1 x 1, stride 1, one group
  bool fits_ = true;
  std::int64_t patch_ = 0;  // weights of one output
  bool dots_ = false;       // forward as dot products on the weights as they are
  bool keeps_table_ = true;
  Tensor forward_table_, backward_table_;  // offsets, int32
};

}  // namespace hone::ops
