/// Convolution as a product whose rows are gathered through a table of offsets (conv_table.h).

#include "ops/kernels/isa.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

// What a tap outside of the image reads.  More channels than this run in blocks.
constexpr ptrdiff_t zero_count = 512;
const float zeros[zero_count] = {};

// Pixels whose gradients a block of weight sums runs over before the next tap: what it reads of x
// and gy stays in the second-level cache.
constexpr ptrdiff_t pixel_block = 256;

/// One class of tiles (conv_table.h) and where its parts are.
struct Class {
  ptrdiff_t taps, pixels, tiles;
  const int32_t* b_offsets;
  const int32_t* offsets;  // of the first tile

  explicit HONE_INLINE Class(const int32_t* at)
      : taps(at[0]),
        pixels(at[1]),
        tiles((at[1] + tile_rows - 1) / tile_rows),
        b_offsets(at + 2),
        offsets(at + 2 + at[0]) {}
  HONE_INLINE const int32_t* tile(ptrdiff_t t) const {
    return offsets + t * (taps + 1) * tile_rows;
  }
  HONE_INLINE const int32_t* end() const { return tile(tiles); }
};

/// A tile by N vectors of columns; rows past the last pixel repeat it.
template <int L, int N, bool Cut>
HONE_NOINLINE void gather_tile(const GatherProduct& g, const Class& in, const int32_t* offsets,
                               ptrdiff_t column, ptrdiff_t rest) {
  using V = Floats<L>;
  constexpr int M = tile_rows;
  const Row<L, N, Cut> row{part<L>(Cut ? rest : 1)};
  V sum[M][N];
  HONE_UNROLL
  for (int j = 0; j < N; ++j) {
    const V start = g.bias ? row.get(g.bias + column, j) : V{};
    HONE_UNROLL
    for (int i = 0; i < M; ++i) sum[i][j] = start;
  }
  for (ptrdiff_t t = 0; t < in.taps; ++t, offsets += tile_rows) {
    const float* b = g.b + in.b_offsets[t] + column;
    for (ptrdiff_t from = 0; from < g.k; from += zero_count) {
      const ptrdiff_t depth = g.k - from < zero_count ? g.k - from : zero_count;
      const float* a[M];
      HONE_UNROLL
      for (int i = 0; i < M; ++i) a[i] = offsets[i] < 0 ? zeros : g.a + offsets[i] + from;
      for (ptrdiff_t k = 0; k < depth; ++k) {
        V y[N];
        HONE_UNROLL
        for (int j = 0; j < N; ++j) y[j] = row.get(b, j);
        HONE_UNROLL
        for (int i = 0; i < M; ++i) {
          const V x = splat<L>(a[i][k]);
          HONE_UNROLL
          for (int j = 0; j < N; ++j) sum[i][j] += x * y[j];
        }
        b += g.b_row;
      }
    }
  }
  const V lo = splat<L>(g.lo), hi = splat<L>(g.hi);
  HONE_UNROLL
  for (int i = 0; i < M; ++i) {
    float* c = g.c + offsets[i] + column;  // the offsets after the last tap's are those of C
    HONE_UNROLL
    for (int j = 0; j < N; ++j) row.put(c, j, clamp<L>(sum[i][j], lo, hi));
  }
}

struct GatherTile {
  const GatherProduct& g;
  const Class& in;
  const int32_t* offsets;

  template <int L, int N, bool Cut>
  HONE_INLINE void panel(ptrdiff_t column, ptrdiff_t rest) const {
    gather_tile<L, N, Cut>(g, in, offsets, column, rest);
  }
};

/// M channels by N vectors of outputs of the weight gradient at one tap, over `pixels` pixels.
template <int L, int M, int N, bool Cut>
HONE_NOINLINE void weight_tile(const GatherWeights& g, const int32_t* offsets, ptrdiff_t stride,
                               const float* x, const float* gy, float* gw, ptrdiff_t pixels,
                               bool accumulate, ptrdiff_t rest) {
  using V = Floats<L>;
  const Row<L, N, Cut> row{part<L>(Cut ? rest : 1)};
  V sum[M][N];
  HONE_UNROLL
  for (int i = 0; i < M; ++i) {
    HONE_UNROLL
    for (int j = 0; j < N; ++j) sum[i][j] = V{};
  }
  if (accumulate) {
    HONE_UNROLL
    for (int i = 0; i < M; ++i) {
      HONE_UNROLL
      for (int j = 0; j < N; ++j) sum[i][j] = row.get(gw + i * g.o, j);
    }
  }
  for (ptrdiff_t p = 0; p < pixels; p += tile_rows, offsets += stride) {
    const ptrdiff_t count = pixels - p < tile_rows ? pixels - p : tile_rows;
    for (ptrdiff_t q = 0; q < count; ++q, gy += g.gy_pixel) {
      if (offsets[q] < 0) continue;
      const float* a = x + offsets[q];
      V y[N];
      HONE_UNROLL
      for (int j = 0; j < N; ++j) y[j] = row.get(gy, j);
      HONE_UNROLL
      for (int i = 0; i < M; ++i) {
        const V s = splat<L>(a[i]);
        HONE_UNROLL
        for (int j = 0; j < N; ++j) sum[i][j] += s * y[j];
      }
    }
  }
  HONE_UNROLL
  for (int i = 0; i < M; ++i) {
    HONE_UNROLL
    for (int j = 0; j < N; ++j) row.put(gw + i * g.o, j, sum[i][j]);
  }
}

/// The weights of one tap, over one block of pixels.
struct WeightBlock {
  const GatherWeights& g;
  const int32_t* offsets;
  ptrdiff_t stride, tap, first, pixels;

  template <int L, int N, bool Cut>
  struct Channels {
    const WeightBlock& block;
    ptrdiff_t channel, column, rest;

    template <int M>
    HONE_INLINE void rows(ptrdiff_t row) const {
      const GatherWeights& all = block.g;
      weight_tile<L, M, N, Cut>(all, block.offsets, block.stride, all.x + channel + row,
                                all.gy + block.first * all.gy_pixel + column,
                                all.gw + (block.tap * all.c + channel + row) * all.o + column,
                                block.pixels, all.accumulate || block.first > 0, rest);
    }
  };

  template <int L, int N, bool Cut>
  HONE_INLINE void panel(ptrdiff_t column, ptrdiff_t rest) const {
    ptrdiff_t channel = 0;
    for (; channel + tile_rows <= g.c; channel += tile_rows) {
      Channels<L, N, Cut>{*this, channel, column, rest}.template rows<tile_rows>(0);
    }
    for_last_rows(g.c - channel, Channels<L, N, Cut>{*this, channel, column, rest});
  }
};

}  // namespace

void gather_product(const GatherProduct& g) noexcept {
  const int32_t* at = g.table + 1;
  ptrdiff_t before = 0;  // tiles of the classes before
  for (int32_t c = 0; c < g.table[0] && before < g.last_tile; ++c) {
    const Class in(at);
    const ptrdiff_t begin = g.first_tile > before ? g.first_tile - before : 0;
    const ptrdiff_t end = g.last_tile - before < in.tiles ? g.last_tile - before : in.tiles;
    for (ptrdiff_t t = begin; t < end; ++t) {
      for_panels(g.n, GatherTile{g, in, in.tile(t)});
    }
    before += in.tiles;
    at = in.end();
  }
}

void gather_weights(const GatherWeights& g) noexcept {
  const Class in(g.table + 1);
  const ptrdiff_t stride = (in.taps + 1) * tile_rows;
  constexpr ptrdiff_t block = pixel_block / tile_rows * tile_rows;
  for (ptrdiff_t p = 0; p == 0 || p < in.pixels; p += block) {
    const ptrdiff_t pixels = in.pixels - p < block ? in.pixels - p : block;
    for (ptrdiff_t tap = g.first_tap; tap < g.last_tap; ++tap) {
      const int32_t* offsets = in.tile(p / tile_rows) + tap * tile_rows;
      for_panels(g.o, WeightBlock{g, offsets, stride, tap, p, pixels});
    }
  }
}

}  // namespace hone::HONE_ISA
