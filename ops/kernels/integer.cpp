/// Integer convolutions and products, bit for bit those of the format's reference kernels: pairs of
/// 16-bit numbers, or four bytes, are multiplied and added into 32-bit sums, which are requantized
/// tile by tile.

#include "ops/kernels/isa.h"
#include "ops/kernels/requant.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

/// Two int16 in a lane.
struct Pairs {
  using Element = int16_t;
  template <int L>
  static HONE_INLINE Ints<L> add(Ints<L> sum, Ints<L> a, Ints<L> b) {
    return add_pairs<L>(sum, a, b);
  }
};

#if defined(HONE_BYTE_FLIP)
/// Four bytes.
struct Bytes {
  using Element = int8_t;
  template <int L>
  static HONE_INLINE Ints<L> add(Ints<L> sum, Ints<L> a, Ints<L> b) {
    return add_bytes_of<L>(sum, a, b);
  }
};
#endif

/// The same 32 bits in every lane.
template <int L>
HONE_INLINE Ints<L> repeated(const void* p) {
  int32_t bits;
  memcpy(&bits, p, sizeof bits);
  return splat<L>(bits);
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
  } else if (q.only_right) {
    requantize_rows<RightRequantizer>(q, sums, sums_row, to_rows, rows, column, count, to);
  } else {
    requantize_rows<FixedRequantizer>(q, sums, sums_row, to_rows, rows, column, count, to);
  }
}

/// Sums of the first Rows rows of a tile by N vectors.
template <class Lane, int Rows, int L, int N, bool Cut>
HONE_NOINLINE void sum_tile(const GatherInteger& g, ptrdiff_t taps, const int32_t* b_offsets,
                            const int32_t* offsets, ptrdiff_t column, ptrdiff_t rest, Tile* out) {
  using Element = typename Lane::Element;
  constexpr ptrdiff_t in_lane = 4 / sizeof(Element);
  const Part last = part<L>(Cut ? rest : 1);
  // one row alone would wait for its own sums: those of every other k go apart
  constexpr int chains = Rows == 1 ? 2 : 1;
  Ints<L> sums[chains][Rows][N];
  HONE_UNROLL
  for (int c = 0; c < chains; ++c) {
    HONE_UNROLL
    for (int i = 0; i < Rows; ++i) {
      HONE_UNROLL
      for (int j = 0; j < N; ++j) sums[c][i][j] = Ints<L>{};
    }
  }
  for (ptrdiff_t t = 0; t < taps; ++t, offsets += tile_rows) {
    const int32_t* b = g.b + b_offsets[t] + column;
    for (ptrdiff_t from = 0; from < g.k; from += g.most_outside) {
      const ptrdiff_t depth = g.k - from < g.most_outside ? g.k - from : g.most_outside;
      const Element* a[Rows];
      HONE_UNROLL
      for (int i = 0; i < Rows; ++i) {
        a[i] = offsets[i] < 0 ? static_cast<const Element*>(g.outside)
                              : static_cast<const Element*>(g.a) + offsets[i] + in_lane * from;
      }
      const auto multiply = [&](Ints<L>(&sum)[Rows][N], ptrdiff_t k) HONE_INLINE_LAMBDA {
        Ints<L> y[N];
        HONE_UNROLL
        for (int j = 0; j < N; ++j) {
          y[j] = Cut && j == N - 1 ? load<L>(b + j * L, last) : load<L>(b + j * L);
        }
        HONE_UNROLL
        for (int i = 0; i < Rows; ++i) {
          const Ints<L> x = repeated<L>(a[i] + in_lane * k);
          HONE_UNROLL
          for (int j = 0; j < N; ++j) sum[i][j] = Lane::template add<L>(sum[i][j], x, y[j]);
        }
        b += g.n;
      };
      ptrdiff_t k = 0;
      if constexpr (chains == 2) {
        for (; k + 2 <= depth; k += 2) {
          multiply(sums[0], k);
          multiply(sums[1], k + 1);
        }
      }
      for (; k < depth; ++k) multiply(sums[0], k);
    }
  }
  HONE_UNROLL
  for (int i = 0; i < Rows; ++i) {
    HONE_UNROLL
    for (int j = 0; j < N; ++j) {
      const Ints<L> sum = chains == 2 ? sums[0][i][j] + sums[chains - 1][i][j] : sums[0][i][j];
      store<L>(out->sums[i] + j * L, sum);
    }
  }
}

template <class Lane>
struct IntegerTile {
  const GatherInteger& g;
  ptrdiff_t taps;
  const int32_t* b_offsets;
  const int32_t* offsets;
  ptrdiff_t rows;

  template <int L, int N, bool Cut>
  HONE_INLINE void panel(ptrdiff_t column, ptrdiff_t rest) const {
    Tile tile;
    if (rows == 1) {  // as of a fully connected layer of one sample
      sum_tile<Lane, 1, L, N, Cut>(g, taps, b_offsets, offsets, column, rest, &tile);
    } else {
      sum_tile<Lane, tile_rows, L, N, Cut>(g, taps, b_offsets, offsets, column, rest, &tile);
    }
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

/// One tile of a product of matrices: the offsets that a table would hold.
template <class Lane>
HONE_INLINE void gather_dense(const GatherInteger& g, ptrdiff_t tile) {
  const ptrdiff_t left = g.pixels - tile * tile_rows, rows = left < tile_rows ? left : tile_rows;
  int32_t offsets[2 * tile_rows];
  for (ptrdiff_t i = 0; i < tile_rows; ++i) {
    const ptrdiff_t pixel = tile * tile_rows + (i < rows ? i : rows - 1);
    offsets[i] = static_cast<int32_t>(pixel * g.a_pixel);
    offsets[tile_rows + i] = static_cast<int32_t>(pixel * g.c_pixel);
  }
  const int32_t b_offset = 0;
  for_panels(g.n, IntegerTile<Lane>{g, 1, &b_offset, offsets, rows});
}

template <class Lane>
HONE_INLINE void gather(const GatherInteger& g) {
  if (g.table == nullptr) {
    for (ptrdiff_t t = g.first_tile; t < g.last_tile; ++t) gather_dense<Lane>(g, t);
    return;
  }
  const ptrdiff_t taps = g.table[1], pixels = g.table[2];
  const int32_t* b_offsets = g.table + 3;
  const int32_t* tiles = b_offsets + taps;
  for (ptrdiff_t t = g.first_tile; t < g.last_tile; ++t) {
    const ptrdiff_t left = pixels - t * tile_rows;
    for_panels(g.n, IntegerTile<Lane>{g, taps, b_offsets, tiles + t * (taps + 1) * tile_rows,
                                      left < tile_rows ? left : tile_rows});
  }
}

}  // namespace

void gather_pairs(const GatherInteger& g) noexcept { gather<Pairs>(g); }

#if defined(HONE_BYTE_FLIP)

void gather_bytes(const GatherInteger& g) noexcept { gather<Bytes>(g); }

void flip_bytes(const FlipBytes& f) noexcept {
  const bool dense = f.to_row == f.columns;
  const ptrdiff_t rows = dense ? 1 : f.rows, columns = dense ? f.rows * f.columns : f.columns;
  const ptrdiff_t to_row = dense ? columns : f.to_row;
  const uint8_t flip = f.flip, fill = f.fill;
  for (ptrdiff_t i = 0; i < rows; ++i) {
    const int8_t* __restrict from = f.from + i * columns;
    uint8_t* __restrict to = f.to + i * to_row;
    for (ptrdiff_t j = 0; j < columns; ++j) to[j] = static_cast<uint8_t>(from[j]) ^ flip;
    for (ptrdiff_t j = columns; j < to_row; ++j) to[j] = fill;
  }
}

void row_sums(const RowSums& r) noexcept {
  constexpr ptrdiff_t step = 4 * lanes;
  const Ints<lanes> ones = splat<lanes>(0x01010101);
  for (ptrdiff_t i = 0; i < r.rows; ++i) {
    const int8_t* from = r.from + i * r.columns;
    Ints<lanes> sums{};
    ptrdiff_t j = 0;
    for (; j + step <= r.columns; j += step) {
      Ints<lanes> bytes;
      memcpy(&bytes, from + j, sizeof bytes);
      sums = add_bytes_of<lanes>(sums, ones, bytes);
    }
    int32_t sum = 0;
    for (int l = 0; l < lanes; ++l) sum += sums[l];
    for (; j < r.columns; ++j) sum += from[j];
    r.to[i] = sum;
  }
}

#endif

void requantize(const RequantRows& r) noexcept {
  constexpr ptrdiff_t most_rows = 16, most_columns = 4 * lanes;
  int32_t whole[most_rows][most_columns], to_rows[most_rows];
  for (ptrdiff_t i = 0; i < most_rows; ++i) to_rows[i] = static_cast<int32_t>(i * r.to_row);
  for (ptrdiff_t j = 0; j < r.columns; j += most_columns) {
    const ptrdiff_t columns = r.columns - j < most_columns ? r.columns - j : most_columns;
    for (ptrdiff_t i = 0; i < r.rows; i += most_rows) {
      const ptrdiff_t rows = r.rows - i < most_rows ? r.rows - i : most_rows;
      for (ptrdiff_t k = 0; k < rows; ++k) {
        const float* sums = r.sums + (i + k) * r.sums_row + j;
        for (ptrdiff_t l = 0; l < columns; ++l) whole[k][l] = static_cast<int32_t>(sums[l]);
      }
      requantize_tile(r.requant, whole[0], most_columns, to_rows, rows, j, columns,
                      r.to + i * r.to_row + j);
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
