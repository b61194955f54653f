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

struct Plus {
  template <class V>
  HONE_INLINE V operator()(V a, V b) const {
    return a + b;
  }
};
struct Minus {
  template <class V>
  HONE_INLINE V operator()(V a, V b) const {
    return a - b;
  }
};
struct Times {
  template <class V>
  HONE_INLINE V operator()(V a, V b) const {
    return a * b;
  }
};

template <class Op, bool RepeatsA, bool RepeatsB>
HONE_INLINE void run(const FloatPass& p) {
  using V = Floats<lanes>;
  const V a = splat<lanes>(*p.a), b = splat<lanes>(*p.b);
  const V lo = splat<lanes>(p.lo), hi = splat<lanes>(p.hi);
  for (ptrdiff_t i = 0; i < p.count; i += lanes) {
    const ptrdiff_t n = p.count - i;
    const V y = Op()(RepeatsA ? a : load_some<lanes>(p.a + i, n),
                     RepeatsB ? b : load_some<lanes>(p.b + i, n));
    store_some<lanes>(p.y + i, clamp<lanes>(y, lo, hi), n);
  }
}

template <class Op>
HONE_INLINE void pass(const FloatPass& p) {
  if (p.count <= 0) return;
  if (p.b_step == 0) {
    run<Op, false, true>(p);
  } else if (p.a_step == 0) {
    run<Op, true, false>(p);
  } else {
    run<Op, false, false>(p);
  }
}

}  // namespace

void add(const FloatPass& p) noexcept { pass<Plus>(p); }
void subtract(const FloatPass& p) noexcept { pass<Minus>(p); }
void multiply(const FloatPass& p) noexcept { pass<Times>(p); }

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
