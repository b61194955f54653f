/// One pass over arrays, element by element: loops that the compiler turns into vector code.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

template <class T>
HONE_INLINE void masked(const ClampGrad<T>& m) {
  const T lo = m.lo, hi = m.hi;
  const T* __restrict y = m.y;
  float* __restrict g = m.g;
  for (ptrdiff_t i = 0; i < m.count; ++i) {
    const bool inside = (y[i] > lo) & (y[i] < hi);
    g[i] = inside ? g[i] : 0.0f;
  }
}

}  // namespace

void clamp_grad(const ClampGrad<float>& m) noexcept { masked(m); }
void clamp_grad_int8(const ClampGrad<int8_t>& m) noexcept { masked(m); }
void clamp_grad_int16(const ClampGrad<int16_t>& m) noexcept { masked(m); }

void axpy(const Axpy& a) noexcept {
  const float factor = a.factor;
  const float* __restrict x = a.x;
  float* __restrict y = a.y;
  for (ptrdiff_t i = 0; i < a.count; ++i) y[i] += factor * x[i];
}

bool finite(const Finite& f) noexcept {
  uint32_t sign = 0;
  for (ptrdiff_t i = 0; i < f.count; ++i) {
    uint32_t bits;
    memcpy(&bits, f.x + i, sizeof bits);
    sign |= (bits & 0x7fffffffu) + 0x00800000u;  // only the highest exponent reaches the sign
  }
  return (sign & 0x80000000u) == 0;
}

}  // namespace hone::HONE_ISA
