#pragma once
/// How a matrix is cut into register tiles: column panels of whole vectors, then rows.

#include "ops/kernels/simd.h"

namespace hone::HONE_ISA {
namespace {

/// The next panel of the `left` columns that remain.
struct PanelCut {
  ptrdiff_t width;  // columns
  int vectors;
  bool half;  // one vector of half the width
};

HONE_INLINE PanelCut next_panel(ptrdiff_t left) {
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

/// work.panel<L, N, Cut>(column, rest) for every panel of n columns: N vectors of L lanes from
/// `column` on, the last one cut to its first `rest` lanes if Cut.
template <class Work>
HONE_INLINE void for_panels(ptrdiff_t n, const Work& work) {
  for (ptrdiff_t column = 0; column < n;) {
    const PanelCut cut = next_panel(n - column);
    if (cut.half) {
      if constexpr (lanes == 16) {
        if (cut.width % 8) {
          work.template panel<8, 1, true>(column, cut.width % 8);
        } else {
          work.template panel<8, 1, false>(column, 0);
        }
      }
    } else if (const ptrdiff_t rest = cut.width % lanes) {
      if (cut.vectors == 1) work.template panel<lanes, 1, true>(column, rest);
      if (cut.vectors == 2) work.template panel<lanes, 2, true>(column, rest);
      if constexpr (tile_vectors > 2) {
        if (cut.vectors == 3) work.template panel<lanes, 3, true>(column, rest);
      }
    } else {
      if (cut.vectors == 1) work.template panel<lanes, 1, false>(column, 0);
      if (cut.vectors == 2) work.template panel<lanes, 2, false>(column, 0);
      if constexpr (tile_vectors > 2) {
        if (cut.vectors == 3) work.template panel<lanes, 3, false>(column, 0);
      }
    }
    column += cut.width;
  }
}

/// Covers the m < tile_rows rows that do not fill a tile: work.rows<M>(first) for M = 4, 2, 1 as
/// often as each fits.  Fewer sizes than tile_rows - 1 keep the compiled code small.
template <class Work>
HONE_INLINE void for_last_rows(ptrdiff_t m, const Work& work) {
  ptrdiff_t first = 0;
  if (m & 4) work.template rows<4>(first), first += 4;
  if (m & 2) work.template rows<2>(first), first += 2;
  if (m & 1) work.template rows<1>(first);
}

/// N vectors of L lanes in memory, of which the last one counts only `rest` lanes if Cut.
template <int L, int N, bool Cut>
struct Row {
  Part rest;

  HONE_INLINE Floats<L> get(const float* from, int j) const {
    return Cut && j == N - 1 ? load<L>(from + j * L, rest) : load<L>(from + j * L);
  }
  HONE_INLINE void put(float* to, int j, Floats<L> v) const {
    if (Cut && j == N - 1) {
      store<L>(to + j * L, v, rest);
    } else {
      store<L>(to + j * L, v);
    }
  }
};

}  // namespace
}  // namespace hone::HONE_ISA
