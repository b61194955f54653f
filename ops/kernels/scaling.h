#pragma once
/// Fixed-point scaling of vectors of sums.

#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

/// Fixed-point scaling of L sums: doubled high product, then a right shift, each rounded.
HONE_INLINE Ints<lanes> scaled(Ints<lanes> x, Ints<lanes> multiplier, Ints<lanes> left,
                               Ints<lanes> right) {
  typedef uint32_t Unsigned __attribute__((vector_size(lanes * 4)));
  x = (Ints<lanes>)((Unsigned)x << (Unsigned)left);
  x = high_product(x, multiplier);
  const Ints<lanes> mask = (Ints<lanes>)(((Unsigned)splat<lanes>(1) << (Unsigned)right) - 1);
  const Ints<lanes> half = (Ints<lanes>)((Unsigned)mask >> 1);
  const Ints<lanes> threshold = half - (x >> 31);
  return (x >> right) - ((x & mask) > threshold);  // a true comparison is -1
}

/// The same where no lane shifts left and each shifts right by 1 or more; `less_one`: that less 1.
HONE_INLINE Ints<lanes> scaled_down(Ints<lanes> x, Ints<lanes> multiplier, Ints<lanes> less_one) {
  x = high_product(x, multiplier);
  x += x >> 31;  // halves of a negative one go down
  return ((x >> less_one) + 1) >> 1;
}

}  // namespace
}  // namespace hone::HONE_ISA
