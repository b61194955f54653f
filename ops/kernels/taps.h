#pragma once
/// Which taps of a window lie inside of an image.

#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

/// Taps [first, last) along one axis.
struct TapRange {
  ptrdiff_t first, last;
  HONE_INLINE bool whole(ptrdiff_t taps) const { return first == 0 && last == taps; }
};

/// Those of `taps` taps from position `from` on, `dilation` apart, that fall on [0, size).
HONE_INLINE TapRange taps_inside(ptrdiff_t from, ptrdiff_t size, ptrdiff_t taps,
                                 ptrdiff_t dilation) {
  if (from >= 0 && from + (taps - 1) * dilation < size) return {0, taps};
  ptrdiff_t first = 0, last = taps;
  while (first < taps && from + first * dilation < 0) ++first;
  while (last > first && from + (last - 1) * dilation >= size) --last;
  return {first, last};
}

/// Outputs [first, last) along one axis all of whose taps lie inside of the input.
HONE_INLINE TapRange interior(ptrdiff_t outputs, ptrdiff_t size, ptrdiff_t taps, ptrdiff_t stride,
                              ptrdiff_t dilation, ptrdiff_t pad) {
  ptrdiff_t first = pad > 0 ? (pad + stride - 1) / stride : 0;
  const ptrdiff_t room = size - 1 - (taps - 1) * dilation + pad;  // of the last whole window
  ptrdiff_t last = room < 0 ? 0 : room / stride + 1;
  if (last > outputs) last = outputs;
  if (first > last) first = last;
  return {first, last};
}

}  // namespace
}  // namespace hone::HONE_ISA
