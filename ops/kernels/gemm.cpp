/// Float products on unpacked operands: a tile of C stays in registers while scalars of A meet
/// vectors of a row of B.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

// A reduction longer than this runs in blocks that start from C, so that the rows of B which a tile
// reads stay in the first-level cache.  The sum of an output is the same sequence of additions.
constexpr ptrdiff_t depth_block = 512;
// With A transposed, a tile reads one cache line of A per k: shorter blocks.
constexpr ptrdiff_t depth_block_transposed = 256;

/// One panel of C: all rows, `M` at a time, by N vectors of L columns, the last one cut to `rest`.
struct Panel {
  ptrdiff_t k, a_row, a_col, b_row, c_row;
  const float* a;
  const float* b;
  float* c;
  const float* bias;  // the first value of each row, or null
  float lo, hi;
  bool accumulate, clamps;
  ptrdiff_t rest;
};

template <int L, int M, int N, bool Cut>
HONE_NOINLINE void panel_rows(const Panel& p, ptrdiff_t first, ptrdiff_t tiles) {
  using V = Floats<L>;
  const Part rest = part<L>(Cut ? p.rest : 1);
  const auto get = [&](const float* from, int j) HONE_INLINE_LAMBDA {
    return Cut && j == N - 1 ? load<L>(from + j * L, rest) : load<L>(from + j * L);
  };
  for (ptrdiff_t tile = 0; tile < tiles; ++tile) {
    const float* a = p.a + (first + tile * M) * p.a_row;
    const float* b = p.b;
    float* c = p.c + (first + tile * M) * p.c_row;
    V sum[M][N];
    HONE_UNROLL
    for (int j = 0; j < N; ++j) {
      const V start = p.bias ? get(p.bias, j) : V{};
      HONE_UNROLL
      for (int i = 0; i < M; ++i) sum[i][j] = start;
    }
    if (p.accumulate) {
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] = get(c + i * p.c_row, j);
      }
    }
    for (ptrdiff_t k = 0; k < p.k; ++k) {
      V row[N];
      HONE_UNROLL
      for (int j = 0; j < N; ++j) row[j] = get(b, j);
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        const V x = splat<L>(a[i * p.a_row]);
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] += x * row[j];
      }
      a += p.a_col;
      b += p.b_row;
    }
    if (p.clamps) {
      const V lo = splat<L>(p.lo), hi = splat<L>(p.hi);
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] = clamp<L>(sum[i][j], lo, hi);
      }
    }
    HONE_UNROLL
    for (int i = 0; i < M; ++i) {
      HONE_UNROLL
      for (int j = 0; j < N; ++j) {
        float* to = c + i * p.c_row + j * L;
        if (Cut && j == N - 1) {
          store<L>(to, sum[i][j], rest);
        } else {
          store<L>(to, sum[i][j]);
        }
      }
    }
  }
}

/// The last m < tile_rows rows.
template <int L, int N, bool Cut, int M = tile_rows - 1>
HONE_INLINE void last_rows(const Panel& p, ptrdiff_t first, ptrdiff_t m) {
  if constexpr (M > 0) {
    if (m == M) {
      panel_rows<L, M, N, Cut>(p, first, 1);
    } else {
      last_rows<L, N, Cut, M - 1>(p, first, m);
    }
  }
}

template <int L, int N, bool Cut>
void panel(const Panel& p, ptrdiff_t m) {
  const ptrdiff_t tiles = m / tile_rows;
  if (tiles) panel_rows<L, tile_rows, N, Cut>(p, 0, tiles);
  last_rows<L, N, Cut>(p, tiles * tile_rows, m % tile_rows);
}

template <int L, int N>
void panel(const Panel& p, ptrdiff_t m) {
  if (p.rest) {
    panel<L, N, true>(p, m);
  } else {
    panel<L, N, false>(p, m);
  }
}

/// How a panel is cut from the `left` columns that remain.
struct Cut {
  ptrdiff_t width;  // columns
  int vectors;
  bool half;  // of half-width vectors
};

HONE_INLINE Cut next_panel(ptrdiff_t left) {
  const ptrdiff_t whole = left / lanes, rest = left % lanes;
  constexpr ptrdiff_t half_width = lanes == 16 ? 8 : 0;
  if (rest && rest <= half_width) {
    if (whole == 0) return {left, 1, true};
    const ptrdiff_t vectors = whole < tile_vectors ? whole : tile_vectors;
    return {vectors * lanes, static_cast<int>(vectors), false};
  }
  const ptrdiff_t all = whole + (rest != 0);
  ptrdiff_t vectors = all < tile_vectors ? all : tile_vectors;
  if (tile_vectors == 3 && all == 4) vectors = 2;  // two and two instead of three and one
  const ptrdiff_t width = vectors * lanes;
  return {width < left ? width : left, static_cast<int>(vectors), false};
}

void product(Panel p, ptrdiff_t m, ptrdiff_t n) {
  while (n > 0) {
    const Cut cut = next_panel(n);
    if (cut.half) {
      if constexpr (lanes == 16) {
        p.rest = cut.width % 8;
        panel<8, 1>(p, m);
      }
    } else {
      p.rest = cut.width % lanes;
      if (cut.vectors == 1) panel<lanes, 1>(p, m);
      if (cut.vectors == 2) panel<lanes, 2>(p, m);
      if constexpr (tile_vectors > 2) {
        if (cut.vectors == 3) panel<lanes, 3>(p, m);
      }
    }
    p.b += cut.width;
    p.c += cut.width;
    if (p.bias) p.bias += cut.width;
    n -= cut.width;
  }
}

}  // namespace

void gemm(const Gemm& g) noexcept {
  const ptrdiff_t block = g.a_col == 1 ? depth_block : depth_block_transposed;
  const bool clamps = g.lo > -__builtin_inff() || g.hi < __builtin_inff();
  for (ptrdiff_t k = 0; k == 0 || k < g.k; k += block) {
    const bool last = g.k - k <= block;
    const bool accumulate = g.accumulate || k > 0;
    product({.k = last ? g.k - k : block,
             .a_row = g.a_row,
             .a_col = g.a_col,
             .b_row = g.b_row,
             .c_row = g.c_row,
             .a = g.a + k * g.a_col,
             .b = g.b + k * g.b_row,
             .c = g.c,
             .bias = accumulate ? nullptr : g.bias,
             .lo = g.lo,
             .hi = g.hi,
             .accumulate = accumulate,
             .clamps = clamps && last,
             .rest = 0},
            g.m, g.n);
  }
}

}  // namespace hone::HONE_ISA
