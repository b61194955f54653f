/// Transposition, and passes over the rows of a matrix.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

// Sums are taken over blocks of this many rows and then added up: the error of a float sum grows
// with its length.
constexpr ptrdiff_t sum_block = 256;

template <int L>
HONE_INLINE void put(float* to, Floats<L> v, bool add) {
  store<L>(to, add ? load<L>(to) + v : v);
}

#if defined(__AVX2__)
constexpr ptrdiff_t transposed_block = 8;

HONE_INLINE void transpose_block(const float* from, ptrdiff_t from_row, float* to, ptrdiff_t to_row,
                                 bool add) {
  using V = Floats<8>;
  V r[8], pairs[8];
  HONE_UNROLL
  for (int i = 0; i < 8; ++i) r[i] = load<8>(from + i * from_row);
  HONE_UNROLL
  for (int i = 0; i < 4; ++i) {
    pairs[2 * i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[2 * i + 1] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  HONE_UNROLL
  for (int i = 0; i < 2; ++i) {  // r[4 i + c]: columns c and c + 4 of rows 4 i ... 4 i + 3
    const V *p = pairs + 4 * i, *q = pairs + 4 * i + 2;
    r[4 * i] = __builtin_shufflevector(p[0], q[0], 0, 1, 8, 9, 4, 5, 12, 13);
    r[4 * i + 1] = __builtin_shufflevector(p[0], q[0], 2, 3, 10, 11, 6, 7, 14, 15);
    r[4 * i + 2] = __builtin_shufflevector(p[1], q[1], 0, 1, 8, 9, 4, 5, 12, 13);
    r[4 * i + 3] = __builtin_shufflevector(p[1], q[1], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  HONE_UNROLL
  for (int c = 0; c < 4; ++c) {
    put<8>(to + c * to_row, __builtin_shufflevector(r[c], r[c + 4], 0, 1, 2, 3, 8, 9, 10, 11), add);
    put<8>(to + (c + 4) * to_row,
           __builtin_shufflevector(r[c], r[c + 4], 4, 5, 6, 7, 12, 13, 14, 15), add);
  }
}
#else
constexpr ptrdiff_t transposed_block = 4;

HONE_INLINE void transpose_block(const float* from, ptrdiff_t from_row, float* to, ptrdiff_t to_row,
                                 bool add) {
  using V = Floats<4>;
  const V a = load<4>(from), b = load<4>(from + from_row);
  const V c = load<4>(from + 2 * from_row), d = load<4>(from + 3 * from_row);
  const V ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const V ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const V cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const V cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  put<4>(to, __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), add);
  put<4>(to + to_row, __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7), add);
  put<4>(to + 2 * to_row, __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5), add);
  put<4>(to + 3 * to_row, __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7), add);
}
#endif

/// `N` vectors of columns from column j on.
template <int N>
HONE_INLINE void sum_columns(const ColumnSums& s, ptrdiff_t j) {
  using V = Floats<lanes>;
  V total[N];
  HONE_UNROLL
  for (int v = 0; v < N; ++v) {
    total[v] = s.accumulate ? load<lanes>(s.sums + j + v * lanes) : V{};
  }
  for (ptrdiff_t begin = 0; begin < s.rows; begin += sum_block) {
    const ptrdiff_t end = s.rows - begin < sum_block ? s.rows : begin + sum_block;
    V sum[N];
    HONE_UNROLL
    for (int v = 0; v < N; ++v) sum[v] = V{};
    for (ptrdiff_t i = begin; i < end; ++i) {
      HONE_UNROLL
      for (int v = 0; v < N; ++v) sum[v] += load<lanes>(s.x + i * s.x_row + j + v * lanes);
    }
    HONE_UNROLL
    for (int v = 0; v < N; ++v) total[v] += sum[v];
  }
  HONE_UNROLL
  for (int v = 0; v < N; ++v) store<lanes>(s.sums + j + v * lanes, total[v]);
}

/// The columns from j on, fewer than a vector: the same additions for one column at a time.
HONE_INLINE void sum_last_columns(const ColumnSums& s, ptrdiff_t j) {
  for (; j < s.columns; ++j) {
    float total = s.accumulate ? s.sums[j] : 0.0f;
    for (ptrdiff_t begin = 0; begin < s.rows; begin += sum_block) {
      const ptrdiff_t end = s.rows - begin < sum_block ? s.rows : begin + sum_block;
      float sum = 0;
      for (ptrdiff_t i = begin; i < end; ++i) sum += s.x[i * s.x_row + j];
      total += sum;
    }
    s.sums[j] = total;
  }
}

}  // namespace

void transpose(const Transpose& t) noexcept {
  const ptrdiff_t rows = t.rows / transposed_block * transposed_block;
  const ptrdiff_t columns = t.columns / transposed_block * transposed_block;
  for (ptrdiff_t j = 0; j < columns; j += transposed_block) {
    for (ptrdiff_t i = 0; i < rows; i += transposed_block) {
      transpose_block(t.from + i * t.from_row + j, t.from_row, t.to + j * t.to_row + i, t.to_row,
                      t.accumulate);
    }
  }
  for (ptrdiff_t j = 0; j < t.columns; ++j) {
    for (ptrdiff_t i = j < columns ? rows : 0; i < t.rows; ++i) {
      float& to = t.to[j * t.to_row + i];
      const float from = t.from[i * t.from_row + j];
      to = t.accumulate ? to + from : from;
    }
  }
}

void column_sums(const ColumnSums& s) noexcept {
  ptrdiff_t j = 0;
  for (; j + 4 * lanes <= s.columns; j += 4 * lanes) sum_columns<4>(s, j);
  for (; j + lanes <= s.columns; j += lanes) sum_columns<1>(s, j);
  sum_last_columns(s, j);
}

float sum(const FloatSum& s) noexcept {
  using V = Floats<lanes>;
  V sums{};
  for (ptrdiff_t block = 0; block < s.count; block += sum_block * lanes) {
    const ptrdiff_t left = s.count - block,
                    end = left < sum_block * lanes ? left : sum_block * lanes;
    V part{};
    for (ptrdiff_t i = 0; i < end; i += lanes) {
      part += load_some<lanes>(s.x + block + i, left - i);
    }
    sums += part;
  }
  return total<lanes>(sums);
}

}  // namespace hone::HONE_ISA
