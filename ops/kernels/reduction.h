#pragma once
/// Sums over any dimensions of a dense array, and their reverse.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <hone/tensor.h>

#include "ops/kernels/kernels.h"

namespace hone {

/// The dimensions of an array in memory order, neighbours that are both summed or both kept as one.
struct AxisReduction {
  struct Loop {
    std::int64_t count = 1;
    std::int64_t to = 0;  ///< step in the sums; 0: this dimension is summed
  };
  std::array<Loop, Shape::max_rank> loops{};
  std::size_t loop_count = 0;
  std::size_t sums = 1;   ///< how many
  std::size_t terms = 1;  ///< of each

  /// Bit i of `summed`: dimension i is summed.
  static AxisReduction over(const Shape& x, std::uint32_t summed) noexcept {
    AxisReduction r;
    bool last = false;
    for (std::size_t i = 0; i < x.rank(); ++i) {
      const bool sums_it = (summed >> i & 1u) != 0;
      (sums_it ? r.terms : r.sums) *= static_cast<std::size_t>(x[i]);
      if (r.loop_count > 0 && last == sums_it) {
        r.loops[r.loop_count - 1].count *= x[i];
      } else {
        r.loops[r.loop_count++] = {x[i], sums_it ? 0 : 1};
      }
      last = sums_it;
    }
    std::int64_t step = 1;
    for (std::size_t i = r.loop_count; i-- > 0;) {
      if (r.loops[i].to == 0) continue;
      r.loops[i].to = step;
      step *= r.loops[i].count;
    }
    return r;
  }

  /// Calls block(x, sum, rows, count, kept) for blocks of `rows` runs of the innermost dimension,
  /// `count` elements each, one after another from x on: they belong to the sums from `sum` on
  /// where `kept`, else all to that one.
  template <class F>
  void walk_rows(F&& block) const noexcept {
    if (sums * terms == 0) return;
    const Loop inner = loop_count > 0 ? loops[loop_count - 1] : Loop{1, 0};
    const bool kept = inner.to != 0;
    const bool has_rows = kept && loop_count > 1;  // the dimension around a kept one is summed
    const std::size_t outer = loop_count - (loop_count > 0 ? 1 : 0) - (has_rows ? 1 : 0);
    const auto count = static_cast<std::size_t>(inner.count);
    const auto rows = has_rows ? static_cast<std::size_t>(loops[outer].count) : 1;
    std::array<std::int64_t, Shape::max_rank> at{};
    std::int64_t sum = 0;
    for (std::size_t x = 0;; x += rows * count) {
      block(x, static_cast<std::size_t>(sum), rows, count, kept);
      std::size_t k = outer;
      for (; k > 0; --k) {
        const Loop& loop = loops[k - 1];
        sum += loop.to;
        if (++at[k - 1] < loop.count) break;
        sum -= loop.count * loop.to;
        at[k - 1] = 0;
      }
      if (k == 0) return;
    }
  }

  /// Calls line(x, sum, count, kept) for every run of the innermost dimension.
  template <class F>
  void walk(F&& line) const noexcept {
    walk_rows([&](std::size_t x, std::size_t sum, std::size_t rows, std::size_t count, bool kept) {
      for (std::size_t r = 0; r < rows; ++r) line(x + r * count, sum, count, kept);
    });
  }
};

/// sums[..] = sum of x.  Sum is double for floats (results are exact but for their last rounding)
/// or std::uint64_t for integers, which wraps.
template <class Sum, class T>
void sum_over(const AxisReduction& r, std::span<const T> x, std::span<Sum> sums) noexcept {
  for (Sum& s : sums) s = 0;
  r.walk([&](std::size_t from, std::size_t to, std::size_t count, bool kept) {
    const T* in = x.data() + from;
    Sum* out = sums.data() + to;
    if (kept) {
      for (std::size_t i = 0; i < count; ++i) out[i] += static_cast<Sum>(in[i]);
      return;
    }
    constexpr std::size_t lanes = 8;  // independent sums, so that they overlap
    std::array<Sum, lanes> part{};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      for (std::size_t k = 0; k < lanes; ++k) part[k] += static_cast<Sum>(in[i + k]);
    }
    for (; i < count; ++i) part[i % lanes] += static_cast<Sum>(in[i]);
    Sum total = 0;
    for (const Sum p : part) total += p;
    *out += total;
  });
}

/// The same for floats in float, over blocks that are then added up.
inline void sum_floats(const AxisReduction& r, std::span<const float> x,
                       std::span<float> sums) noexcept {
  for (float& s : sums) s = 0;
  r.walk_rows(
      [&](std::size_t from, std::size_t to, std::size_t rows, std::size_t count, bool kept) {
        const auto n = static_cast<std::ptrdiff_t>(count);
        const float* in = x.data() + from;
        float* out = sums.data() + to;
        if (kept) {
          kernels().column_sums({static_cast<std::ptrdiff_t>(rows), n, in, n, out, true});
        } else {
          *out += kernels().sum({n, in});
        }
      });
}

/// The reverse: every element of x gets factor * its sum's value.
template <class T>
void spread_over(const AxisReduction& r, std::span<const T> sums, float factor,
                 std::span<float> x) noexcept {
  r.walk([&](std::size_t from, std::size_t to, std::size_t count, bool kept) {
    float* out = x.data() + from;
    const T* in = sums.data() + to;
    if (!kept) {
      std::fill_n(out, count, factor * static_cast<float>(*in));
      return;
    }
    for (std::size_t i = 0; i < count; ++i) out[i] = factor * static_cast<float>(in[i]);
  });
}

}  // namespace hone
