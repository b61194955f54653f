#pragma once
/// What the reductions share: their inputs, their output's shape, their loops.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "ops/kernels/reduction.h"
#include "ops/op.h"

namespace hone::ops {

struct ReduceAttributes {
  bool keep_dims = false;

  static ReduceAttributes parse(const Options& options) {
    return {.keep_dims = options.as<tflite::ReducerOptions>().keep_dims()};
  }
};

/// The axes in input 1 as bits.  One that is named twice counts once; a scalar has none.
inline std::uint32_t reduced_axes(const Call& call) {
  const std::size_t rank = call.inputs[0].shape.rank();
  std::uint32_t axes = 0;
  for (const std::int64_t axis : call.ints(1)) {
    if (rank != 0) axes |= 1u << call.axis(axis, rank);
  }
  return axes;
}

/// The type of x without the summed dimensions, or with 1 in their place.  Refuses one scale an
/// index, as sums would mix them.
inline TensorType reduced(const ReduceAttributes& a, const Call& call) {
  const TensorType& x = call.inputs[0];
  if (x.per_axis()) call.refuse("expected one scale for the whole input, got ", x);
  const std::uint32_t axes = reduced_axes(call);
  Shape y;
  for (std::size_t i = 0; i < x.shape.rank(); ++i) {
    const bool sums_it = (axes >> i & 1u) != 0;
    if (!sums_it || a.keep_dims) y.append(sums_it ? 1 : x.shape[i]);
  }
  return {x.dtype, y, x};
}

/// Whether a reduction takes scales into account: int32 and int64 are always summed as they are.
inline bool rescales(const TensorType& x) noexcept {
  return x.quantized() && byte_size(x.dtype) <= 2;
}

/// Scratch as sums of that type.
template <class Sum>
std::span<Sum> sums_in(std::span<std::byte> scratch) noexcept {
  return {reinterpret_cast<Sum*>(scratch.data()), scratch.size() / sizeof(Sum)};
}

/// All axes of x.
inline std::vector<std::int64_t> every_axis(const Shape& x) {
  std::vector<std::int64_t> axes(x.rank());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace hone::ops
