/// What the multiplication units of this machine do at most.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {

void multiply_adds(const MultiplyAdds& m) noexcept {
  using V = Floats<lanes>;
  // enough sums that none waits for another: 2 units, 4 or 5 cycles each
  constexpr int sums = 12;
  V sum[sums];
  HONE_UNROLL
  for (int i = 0; i < sums; ++i) sum[i] = splat<lanes>(static_cast<float>(i));
  const V x = splat<lanes>(m.x), y = splat<lanes>(m.y);
  for (ptrdiff_t round = 0; round < m.rounds; ++round) {
    HONE_UNROLL
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * x + y;
  }
  V total{};
  HONE_UNROLL
  for (int i = 0; i < sums; ++i) total += sum[i];
  float each[lanes];
  store<lanes>(each, total);
  *m.sum = each[0];
  *m.operations = 2.0 * lanes * sums * static_cast<double>(m.rounds);
}

}  // namespace hone::HONE_ISA
