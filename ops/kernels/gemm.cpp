/// Float products on unpacked operands: a tile of C stays in registers while scalars of A meet
/// vectors of a row of B.

#include "ops/kernels/isa.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

// A reduction longer than this runs in blocks that start from C, so that the rows of B which a tile
// reads stay in the first-level cache.  The sum of an output is the same sequence of additions.
constexpr ptrdiff_t depth_block = 512;
// With A transposed, a tile reads one cache line of A per k: shorter blocks.
constexpr ptrdiff_t depth_block_transposed = 256;

/// `tiles` tiles of M rows from row `first` on, by N vectors of columns.  g is one block of the
/// reduction, its pointers moved to the panel.
template <int L, int M, int N, bool Cut>
HONE_NOINLINE void panel_rows(const Gemm& g, bool clamps, ptrdiff_t rest, ptrdiff_t first,
                              ptrdiff_t tiles) {
  using V = Floats<L>;
  const Row<L, N, Cut> row{part<L>(Cut ? rest : 1)};
  for (ptrdiff_t tile = 0; tile < tiles; ++tile) {
    const float* a = g.a + (first + tile * M) * g.a_row;
    const float* b = g.b;
    float* c = g.c + (first + tile * M) * g.c_row;
    V sum[M][N];
    HONE_UNROLL
    for (int j = 0; j < N; ++j) {
      const V start = g.bias ? row.get(g.bias, j) : V{};
      HONE_UNROLL
      for (int i = 0; i < M; ++i) sum[i][j] = start;
    }
    if (g.accumulate) {
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] = row.get(c + i * g.c_row, j);
      }
    }
    for (ptrdiff_t k = 0; k < g.k; ++k) {
      V y[N];
      HONE_UNROLL
      for (int j = 0; j < N; ++j) y[j] = row.get(b, j);
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        const V x = splat<L>(a[i * g.a_row]);
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] += x * y[j];
      }
      a += g.a_col;
      b += g.b_row;
    }
    if (clamps) {
      const V lo = splat<L>(g.lo), hi = splat<L>(g.hi);
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] = clamp<L>(sum[i][j], lo, hi);
      }
    }
    HONE_UNROLL
    for (int i = 0; i < M; ++i) {
      HONE_UNROLL
      for (int j = 0; j < N; ++j) row.put(c + i * g.c_row, j, sum[i][j]);
    }
  }
}

template <int L, int N, bool Cut>
struct LastRows {
  const Gemm& g;
  bool clamps;
  ptrdiff_t rest, first;

  template <int M>
  HONE_INLINE void rows(ptrdiff_t row) const {
    panel_rows<L, M, N, Cut>(g, clamps, rest, first + row, 1);
  }
};

struct Product {
  const Gemm& g;
  bool clamps;

  template <int L, int N, bool Cut>
  void panel(ptrdiff_t column, ptrdiff_t rest) const {
    Gemm p = g;
    p.b += column;
    p.c += column;
    if (p.bias) p.bias += column;
    const ptrdiff_t tiles = g.m / tile_rows;
    if (tiles) panel_rows<L, tile_rows, N, Cut>(p, clamps, rest, 0, tiles);
    for_last_rows(g.m % tile_rows, LastRows<L, N, Cut>{p, clamps, rest, tiles * tile_rows});
  }
};

}  // namespace

void gemm(const Gemm& g) noexcept {
  const ptrdiff_t block = g.a_col == 1 ? depth_block : depth_block_transposed;
  const bool clamps = g.lo > -__builtin_inff() || g.hi < __builtin_inff();
  for (ptrdiff_t k = 0; k == 0 || k < g.k; k += block) {
    const bool last = g.k - k <= block;
    Gemm p = g;
    p.k = last ? g.k - k : block;
    p.a += k * g.a_col;
    p.b += k * g.b_row;
    p.accumulate = g.accumulate || k > 0;
    if (p.accumulate) p.bias = nullptr;
    for_panels(g.n, Product{p, clamps && last});
  }
}

}  // namespace hone::HONE_ISA
