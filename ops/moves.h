#pragma once
/// What the ops that only move elements share.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <hone/op.h>
#include <hone/variable.h>

#include "ops/kernels/strided_copy.h"

namespace hone::ops {

/// Element type and quantization of input i under another shape.  Throws Error on types without a
/// fixed element size, on shapes of 2^63 elements or more, and on one scale an index, whose axis
/// `shape` might have moved, unless the file declares the output.
inline TensorType moved(const Call& call, std::size_t i, const Shape& shape) {
  const TensorType& x = call.inputs[i];
  if (byte_size(x.dtype) == 0) {
    call.refuse("expected elements of a fixed size in input ", i, ", got ", x.dtype);
  }
  std::int64_t n = 1;
  for (const std::int64_t d : shape) {
    if (d != 0 && __builtin_mul_overflow(n, d, &n)) {
      call.refuse("expected an output of less than 2^63 elements, got ", shape);
    }
  }
  if (!x.per_axis()) return {x.dtype, shape, x};
  if (call.outputs.empty()) {
    call.refuse("expected one scale for the whole of input ", i, ", got ", x.axis_scales->size());
  }
  return {x.dtype, shape};
}

/// Elements between neighbours along each dimension of a dense array.
inline std::array<std::int64_t, Shape::max_rank> strides_of(const Shape& shape) noexcept {
  std::array<std::int64_t, Shape::max_rank> strides{};
  std::int64_t stride = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/// The product of the dimensions [begin, end).
inline std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) noexcept {
  std::int64_t n = 1;
  for (std::size_t i = begin; i < end; ++i) n *= shape[i];
  return n;
}

/// Runs a copy from input 0 to output 0, whatever their elements are.
inline void copy_elements(const StridedCopy& copy, const Forward& f) noexcept {
  strided_copy(copy, byte_size(f.type_in(0).dtype), f.inputs[0].raw(), f.outputs[0].mutable_raw());
}

/// Runs a copy between gradients.
inline void copy_floats(const StridedCopy& copy, std::span<const float> from,
                        std::span<float> to) noexcept {
  strided_copy(copy, sizeof(float), std::as_bytes(from).data(), std::as_writable_bytes(to).data());
}

/// A list of integers as the input of an op.
inline Variable list(const std::vector<std::int64_t>& values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())},
                                  std::span<const std::int64_t>(values));
}

}  // namespace hone::ops
