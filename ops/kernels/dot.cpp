/// Products of rows with rows: both operands are read along k.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

/// M rows of A with four rows of B; rows beyond `columns` of B repeat the last one and are not
/// stored.  Every output is summed in the same lanes whatever the tile.
template <int M>
HONE_NOINLINE void dot_tile(const Dot& d, ptrdiff_t i, ptrdiff_t j, ptrdiff_t columns) {
  using V = Floats<lanes>;
  const float* a = d.a + i * d.a_row;
  const float* b[4];
  HONE_UNROLL
  for (int q = 0; q < 4; ++q) b[q] = d.b + (j + (q < columns ? q : columns - 1)) * d.b_row;
  V sum[M][4];
  HONE_UNROLL
  for (int r = 0; r < M; ++r) {
    HONE_UNROLL
    for (int q = 0; q < 4; ++q) sum[r][q] = V{};
  }
  const auto add = [&](auto get) HONE_INLINE_LAMBDA {
    V x[M];
    HONE_UNROLL
    for (int r = 0; r < M; ++r) x[r] = get(a + r * d.a_row);
    HONE_UNROLL
    for (int q = 0; q < 4; ++q) {
      const V w = get(b[q]);
      HONE_UNROLL
      for (int r = 0; r < M; ++r) sum[r][q] += x[r] * w;
    }
  };
  ptrdiff_t k = 0;
  for (; k + lanes <= d.k; k += lanes) {
    add([k](const float* p) HONE_INLINE_LAMBDA { return load<lanes>(p + k); });
  }
  if (k < d.k) {
    const Part rest = part<lanes>(d.k - k);
    add([k, rest](const float* p) HONE_INLINE_LAMBDA { return load<lanes>(p + k, rest); });
  }
  HONE_UNROLL
  for (int r = 0; r < M; ++r) {
    const Floats<4> y = sums_of_four<lanes>(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
    float* c = d.c + (i + r) * d.c_row + j;
    for (ptrdiff_t q = 0; q < columns; ++q) {
      float v = y[q] + (d.accumulate ? c[q] : d.bias ? d.bias[j + q] : 0.0f);
      v = v < d.lo ? d.lo : v;
      c[q] = v > d.hi ? d.hi : v;
    }
  }
}

}  // namespace

void dot(const Dot& d) noexcept {
  constexpr int rows = lanes == 16 ? 4 : 2;  // 4 x 4 sums need 32 registers
  for (ptrdiff_t j = 0; j < d.n; j += 4) {
    const ptrdiff_t columns = d.n - j < 4 ? d.n - j : 4;
    ptrdiff_t i = 0;
    for (; i + rows <= d.m; i += rows) dot_tile<rows>(d, i, j, columns);
    for (; i < d.m; ++i) dot_tile<1>(d, i, j, columns);
  }
}

}  // namespace hone::HONE_ISA
