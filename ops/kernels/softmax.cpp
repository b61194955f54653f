/// Softmax of a row, and its gradient.

#include "ops/kernels/exp_of.h"
#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

using V = Floats<lanes>;

// Sums are taken over blocks of this many vectors and then added up: the error of a float sum grows
// with its length.
constexpr ptrdiff_t sum_block = 32 * lanes;

struct Exponentials {
  float sum = 0;       // of y
  float products = 0;  // of y gy, where there is gy
};

/// y = e^(beta x - its largest).  Beyond the row's end there is -infinity, whose exponential is 0.
template <bool Products>
HONE_INLINE Exponentials exponentials(const float* x, const float* gy, float* y, ptrdiff_t n,
                                      float beta) {
  const float nothing = -__builtin_inff();
  V most = splat<lanes>(nothing);
  for (ptrdiff_t i = 0; i < n; i += lanes) {
    const V v = or_else<lanes>(beta * load_some<lanes>(x + i, n - i), n - i, nothing);
    most = v > most ? v : most;
  }
  const V largest = splat<lanes>(greatest<lanes>(most));
  V sum{}, products{};
  for (ptrdiff_t block = 0; block < n; block += sum_block) {
    const ptrdiff_t end = n - block < sum_block ? n : block + sum_block;
    V s{}, p{};
    for (ptrdiff_t i = block; i < end; i += lanes) {
      const V v = or_else<lanes>(beta * load_some<lanes>(x + i, n - i), n - i, nothing);
      const V e = exp_of<V, Ints<lanes>>(v - largest);
      store_some<lanes>(y + i, e, n - i);
      s += e;
      if constexpr (Products) p += e * load_some<lanes>(gy + i, n - i);
    }
    sum += s;
    products += p;
  }
  return {total<lanes>(sum), Products ? total<lanes>(products) : 0.0f};
}

}  // namespace

void softmax(const Softmax& s) noexcept {
  const Exponentials e = exponentials<false>(s.x, nullptr, s.y, s.count, s.beta);
  const V scale = splat<lanes>(1.0f / e.sum);
  for (ptrdiff_t i = 0; i < s.count; i += lanes) {
    store_some<lanes>(s.y + i, load_some<lanes>(s.y + i, s.count - i) * scale, s.count - i);
  }
}

void softmax_grad(const SoftmaxGrad& s) noexcept {
  const Exponentials e = exponentials<true>(s.x, s.gy, s.gx, s.count, s.beta);
  const float scale = 1.0f / e.sum;
  const V mean = splat<lanes>(e.products * scale), factor = splat<lanes>(s.beta * scale);
  for (ptrdiff_t i = 0; i < s.count; i += lanes) {
    const V y = load_some<lanes>(s.gx + i, s.count - i);
    const V gy = load_some<lanes>(s.gy + i, s.count - i);
    store_some<lanes>(s.gx + i, factor * y * (gy - mean), s.count - i);
  }
}

}  // namespace hone::HONE_ISA
