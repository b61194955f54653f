/// Integer convolutions and products, bit for bit those of the format's reference kernels: pairs of
/// 16-bit numbers are multiplied and added into 32-bit sums, which are requantized tile by tile.

#include "ops/kernels/isa.h"
#include "ops/kernels/scaling.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

// What a tap outside of the image reads, in pairs.
constexpr ptrdiff_t zero_count = 512;
const int32_t zeros[zero_count] = {};

/// Sums of one tile, before they are requantized.
struct Tile {
  int32_t sums[tile_rows][tile_vectors * lanes];
};

template <int L>
HONE_INLINE Ints<L> load_lanes(const int32_t* p, bool whole, Part part_of_it) {
  return whole ? load<L>(p) : load<L>(p, part_of_it);
}

/// Half the lanes times factors, rounded to nearest, halves away from zero.
HONE_INLINE Ints<lanes / 2> scaled_half(Ints<lanes / 2> x, const double* factors, ptrdiff_t count) {
  typedef double V __attribute__((vector_size(lanes * 4)));
  typedef int64_t Bits __attribute__((vector_size(lanes * 4)));
  V f{};
  if (count >= lanes / 2) {
    memcpy(&f, factors, sizeof f);
  } else if (count > 0) {
    memcpy(&f, factors, static_cast<size_t>(count) * sizeof(double));
  }
  V t = __builtin_convertvector(x, V) * f;
  // beyond any zero point and limit; NaN becomes the lower one
  const V most = 1e6 - V{}, least = -1e6 - V{};
  t = t > least ? t : least;
  t = t < most ? t : most;
  // the largest number below one half: adding a half itself would round its neighbour up
  const V half = 0.49999999999999994 - V{};
  const Bits sign = (Bits)t & (Bits)(-0.0 - V{});
  t += (V)((Bits)half | sign);
  return __builtin_convertvector(t, Ints<lanes / 2>);
}

HONE_INLINE Ints<lanes> scaled(Ints<lanes> x, const double* factors, ptrdiff_t count) {
  Ints<lanes / 2> halves[2];
  memcpy(halves, &x, sizeof x);
  halves[0] = scaled_half(halves[0], factors, count);
  halves[1] = scaled_half(halves[1], factors + lanes / 2, count - lanes / 2);
  memcpy(&x, halves, sizeof x);
  return x;
}

/// The sums of one row, from column `column` of the output on, to bytes.
HONE_NOINLINE void requantize_row(const Requant& q, const int32_t* sums, ptrdiff_t column,
                                  ptrdiff_t count, int8_t* to) {
  typedef int8_t Bytes __attribute__((vector_size(lanes)));
  const Ints<lanes> zero = splat<lanes>(q.zero_point);
  const Ints<lanes> lo = splat<lanes>(q.lo), hi = splat<lanes>(q.hi);
  for (; count > 0; count -= lanes, column += lanes, sums += lanes, to += lanes) {
    const bool whole = count >= lanes;
    const Part rest = part<lanes>(whole ? 1 : count);
    const auto get = [whole, rest](const int32_t* p)
                         HONE_INLINE_LAMBDA { return load_lanes<lanes>(p, whole, rest); };
    Ints<lanes> x = get(sums);
    if (q.bias) x += get(q.bias + column);
    if (q.factors) {
      x = scaled(x, q.factors + column, count);
    } else {
      x = scaled(x, get(q.multipliers + column), get(q.left + column), get(q.right + column));
    }
    x += zero;
    x = x < lo ? lo : x;
    x = x > hi ? hi : x;
    const Bytes bytes = __builtin_convertvector(x, Bytes);
    if (whole) {
      memcpy(to, &bytes, sizeof bytes);
    } else {
      int8_t buffer[lanes];
      memcpy(buffer, &bytes, sizeof bytes);
      for (ptrdiff_t i = 0; i < count; ++i) to[i] = buffer[i];
    }
  }
}

/// Sums of tile_rows rows by N vectors; rows past the last pixel repeat it.
template <int L, int N, bool Cut>
HONE_NOINLINE void sum_tile(const GatherInteger& g, ptrdiff_t taps, const int32_t* b_offsets,
                            const int32_t* offsets, ptrdiff_t column, ptrdiff_t rest, Tile* out) {
  const Part last = part<L>(Cut ? rest : 1);
  Ints<L> sum[tile_rows][N];
  HONE_UNROLL
  for (int i = 0; i < tile_rows; ++i) {
    HONE_UNROLL
    for (int j = 0; j < N; ++j) sum[i][j] = Ints<L>{};
  }
  for (ptrdiff_t t = 0; t < taps; ++t, offsets += tile_rows) {
    const int32_t* b = g.b + b_offsets[t] + column;
    for (ptrdiff_t from = 0; from < g.k; from += zero_count) {
      const ptrdiff_t depth = g.k - from < zero_count ? g.k - from : zero_count;
      const int32_t* a[tile_rows];
      HONE_UNROLL
      for (int i = 0; i < tile_rows; ++i) a[i] = offsets[i] < 0 ? zeros : g.a + offsets[i] + from;
      for (ptrdiff_t k = 0; k < depth; ++k, b += g.n) {
        Ints<L> y[N];
        HONE_UNROLL
        for (int j = 0; j < N; ++j) {
          y[j] = Cut && j == N - 1 ? load<L>(b + j * L, last) : load<L>(b + j * L);
        }
        HONE_UNROLL
        for (int i = 0; i < tile_rows; ++i) {
          const Ints<L> x = splat<L>(a[i][k]);
          HONE_UNROLL
          for (int j = 0; j < N; ++j) sum[i][j] = add_pairs<L>(sum[i][j], x, y[j]);
        }
      }
    }
  }
  HONE_UNROLL
  for (int i = 0; i < tile_rows; ++i) {
    HONE_UNROLL
    for (int j = 0; j < N; ++j) store<L>(out->sums[i] + j * L, sum[i][j]);
  }
}

struct IntegerTile {
  const GatherInteger& g;
  ptrdiff_t taps;
  const int32_t* b_offsets;
  const int32_t* offsets;
  ptrdiff_t rows;

  template <int L, int N, bool Cut>
  HONE_INLINE void panel(ptrdiff_t column, ptrdiff_t rest) const {
    Tile tile;
    sum_tile<L, N, Cut>(g, taps, b_offsets, offsets, column, rest, &tile);
    const ptrdiff_t count = Cut ? (N - 1) * L + rest : N * L;
    const int32_t* to = offsets + taps * tile_rows;
    for (ptrdiff_t i = 0; i < rows; ++i) {
      requantize_row(g.requant, tile.sums[i], column, count, g.c + to[i] + column);
    }
  }
};

template <class T>
HONE_INLINE void widen_row(const Widen& w, const T* from, int16_t* to) {
  for (ptrdiff_t i = 0; i < w.columns; ++i) {
    to[i] = static_cast<int16_t>(from[i] - w.zero_point);
  }
  for (ptrdiff_t i = w.columns; i < w.to_row; ++i) to[i] = 0;
}

}  // namespace

void gather_integer(const GatherInteger& g) noexcept {
  const ptrdiff_t taps = g.table[1], pixels = g.table[2];
  const int32_t* b_offsets = g.table + 3;
  const int32_t* tiles = b_offsets + taps;
  for (ptrdiff_t t = g.first_tile; t < g.last_tile; ++t) {
    const ptrdiff_t left = pixels - t * tile_rows;
    for_panels(g.n, IntegerTile{g, taps, b_offsets, tiles + t * (taps + 1) * tile_rows,
                                left < tile_rows ? left : tile_rows});
  }
}

void requantize(const RequantRows& r) noexcept {
  for (ptrdiff_t i = 0; i < r.rows; ++i) {
    const float* sums = r.sums + i * r.sums_row;
    for (ptrdiff_t j = 0; j < r.columns; j += lanes) {
      int32_t whole[lanes];
      const ptrdiff_t count = r.columns - j < lanes ? r.columns - j : lanes;
      if (count == lanes) {
        store<lanes>(whole, __builtin_convertvector(load<lanes>(sums + j), Ints<lanes>));
      } else {
        for (ptrdiff_t l = 0; l < count; ++l) whole[l] = static_cast<int32_t>(sums[j + l]);
      }
      requantize_row(r.requant, whole, j, count, r.to + i * r.to_row + j);
    }
  }
}

void widen(const Widen& w) noexcept {
  Widen flat = w;
  if (w.to_row == w.columns) flat.columns = flat.to_row = w.rows * w.columns, flat.rows = 1;
  for (ptrdiff_t i = 0; i < flat.rows; ++i) {
    const ptrdiff_t at = i * flat.columns;
    if (w.is_unsigned) {
      widen_row(flat, static_cast<const uint8_t*>(w.from) + at, w.to + i * flat.to_row);
    } else {
      widen_row(flat, static_cast<const int8_t*>(w.from) + at, w.to + i * flat.to_row);
    }
  }
}

}  // namespace hone::HONE_ISA
