/// Integer convolutions and products, bit for bit those of the format's reference kernels: pairs of
/// 16-bit numbers are multiplied and added into 32-bit sums, which are requantized tile by tile.

#include "ops/kernels/isa.h"
#include "ops/kernels/requant.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

// What a tap outside of the image reads.
constexpr ptrdiff_t zero_count = 512;  // pairs
const int16_t zeros[zero_count * 2] = {};

/// A pair in every lane.
template <int L>
HONE_INLINE Ints<L> pair(const int16_t* p) {
  int32_t both;
  memcpy(&both, p, sizeof both);
  return splat<L>(both);
}

/// Sums of one tile, before they are requantized.
struct Tile {
  int32_t sums[tile_rows][tile_vectors * lanes];
};

/// A vector of columns of `rows` rows of sums, from column `column` of the output on, to bytes.
template <class Scale, bool Cut>
HONE_INLINE void requantize_vector(const Requant& q, const int32_t* sums, ptrdiff_t sums_row,
                                   const int32_t* to_rows, ptrdiff_t rows, ptrdiff_t column,
                                   ptrdiff_t rest, int8_t* to) {
  const Columns<Cut> columns{rest};
  const Scale scale(q, column, columns);
  for (ptrdiff_t i = 0; i < rows; ++i) {
    columns.put(to + to_rows[i], scale(load<lanes>(sums + i * sums_row)));
  }
}

/// Rows of sums in whole vectors to bytes: row i to to + to_rows[i], of which this is the part from
/// `column` on.
template <class Scale>
HONE_NOINLINE void requantize_rows(const Requant& q, const int32_t* sums, ptrdiff_t sums_row,
                                   const int32_t* to_rows, ptrdiff_t rows, ptrdiff_t column,
                                   ptrdiff_t count, int8_t* to) {
  for (; count >= lanes; count -= lanes, column += lanes, sums += lanes, to += lanes) {
    requantize_vector<Scale, false>(q, sums, sums_row, to_rows, rows, column, 0, to);
  }
  if (count > 0) {
    requantize_vector<Scale, true>(q, sums, sums_row, to_rows, rows, column, count, to);
  }
}

HONE_INLINE void requantize_tile(const Requant& q, const int32_t* sums, ptrdiff_t sums_row,
                                 const int32_t* to_rows, ptrdiff_t rows, ptrdiff_t column,
                                 ptrdiff_t count, int8_t* to) {
  if (q.factors) {
    requantize_rows<DoubleRequantizer>(q, sums, sums_row, to_rows, rows, column, count, to);
  } else {
    requantize_rows<FixedRequantizer>(q, sums, sums_row, to_rows, rows, column, count, to);
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
      const int16_t* a[tile_rows];
      HONE_UNROLL
      for (int i = 0; i < tile_rows; ++i) {
        a[i] = offsets[i] < 0 ? zeros : g.a + offsets[i] + 2 * from;
      }
      for (ptrdiff_t k = 0; k < depth; ++k, b += g.n) {
        Ints<L> y[N];
        HONE_UNROLL
        for (int j = 0; j < N; ++j) {
          y[j] = Cut && j == N - 1 ? load<L>(b + j * L, last) : load<L>(b + j * L);
        }
        HONE_UNROLL
        for (int i = 0; i < tile_rows; ++i) {
          const Ints<L> x = pair<L>(a[i] + 2 * k);
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
    requantize_tile(g.requant, tile.sums[0], tile_vectors * lanes, offsets + taps * tile_rows, rows,
                    column, count, g.c + column);
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
      int32_t whole[lanes] = {};
      const ptrdiff_t count = r.columns - j < lanes ? r.columns - j : lanes;
      if (count == lanes) {
        store<lanes>(whole, __builtin_convertvector(load<lanes>(sums + j), Ints<lanes>));
      } else {
        for (ptrdiff_t l = 0; l < count; ++l) whole[l] = static_cast<int32_t>(sums[j + l]);
      }
      const int32_t first_row = 0;
      requantize_tile(r.requant, whole, 0, &first_row, 1, j, count, r.to + i * r.to_row + j);
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
