#pragma once
/// Loops over one array, and over two whose shapes are broadcast to one another.  Large ones are
/// cut into blocks of a fixed size for the thread pool.

#include <algorithm>
#include <array>
#include <cstddef>

#include <hone/tensor.h>
#include <hone/threads.h>

// Elements do not depend on each other, even where the result is written in the place of an
// operand, which compilers cannot know.  Clang warns where it cannot make use of that.
#if defined(__clang__)
#define HONE_INDEPENDENT
#else
#define HONE_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace hone {

/// Calls f(i) for every i in [0, count).
template <class F>
void each(std::size_t count, const F& f) noexcept {
  constexpr std::size_t block = std::size_t{1} << 14;
  if (count <= block) {
    HONE_INDEPENDENT
    for (std::size_t i = 0; i < count; ++i) f(i);
    return;
  }
  parallel_for((count + block - 1) / block, [&](std::size_t b) noexcept {
    const std::size_t end = std::min(count, (b + 1) * block);
    HONE_INDEPENDENT
    for (std::size_t i = b * block; i < end; ++i) f(i);
  });
}

/// Calls f(first) for the first element of every row of an array of `count` elements.
template <class F>
void each_row(std::size_t count, std::size_t row, const F& f) noexcept {
  if (count == 0) return;
  const std::size_t rows = count / row;
  const std::size_t block = std::max<std::size_t>((std::size_t{1} << 12) / row, 1);
  parallel_for((rows + block - 1) / block, [&](std::size_t b) noexcept {
    const std::size_t end = std::min(rows, (b + 1) * block);
    for (std::size_t r = b * block; r < end; ++r) f(r * row);
  });
}

/// How two shapes combine element by element (NumPy's rules).  Neighbouring axes along which both
/// operands step alike are merged: equal shapes give one loop, a bias along the last axes two.
class Broadcast {
 public:
  Broadcast() = default;
  /// The shapes must go together: see broadcast_shape in ops/elementwise.h.
  Broadcast(const Shape& a, const Shape& b) noexcept;

  std::size_t numel() const noexcept { return numel_; }

  /// Calls f(i, ia, ib) for every element i of the result, made of elements ia and ib.
  template <class F>
  void each(const F& f) const noexcept {
    each_run([&](std::size_t i, std::size_t ia, std::size_t ib, std::size_t n, std::size_t step_a,
                 std::size_t step_b) noexcept {
      // three loops with constant steps, which compilers turn into vector code
      if (step_a == step_b) {
        HONE_INDEPENDENT
        for (std::size_t k = 0; k < n; ++k) f(i + k, ia + k, ib + k);
      } else if (step_b == 0) {
        HONE_INDEPENDENT
        for (std::size_t k = 0; k < n; ++k) f(i + k, ia + k, ib);
      } else {
        HONE_INDEPENDENT
        for (std::size_t k = 0; k < n; ++k) f(i + k, ia, ib + k);
      }
    });
  }

  /// Calls f(i, ia, ib, n, step_a, step_b) for runs of n elements from i on, made of those from ia
  /// and ib on; a step is 1, or 0 where the operand is repeated.
  template <class F>
  void each_run(const F& f) const noexcept {
    constexpr std::size_t block = std::size_t{1} << 14;
    if (numel_ <= block) return part(0, numel_, f);
    parallel_for((numel_ + block - 1) / block, [&](std::size_t b) noexcept {
      part(b * block, std::min(numel_, (b + 1) * block), f);
    });
  }

 private:
  struct Axis {
    std::size_t size = 1, step_a = 1, step_b = 1;  // a step of 0: the operand is repeated
  };

  /// Elements [begin, end) of the result.
  template <class F>
  void part(std::size_t begin, std::size_t end, const F& f) const noexcept;

  std::array<Axis, Shape::max_rank> axes_{};  // outermost first
  std::size_t rank_ = 1;
  std::size_t numel_ = 1;
};

inline Broadcast::Broadcast(const Shape& a, const Shape& b) noexcept {
  const auto dim = [](const Shape& s, std::size_t from_back) {
    return from_back < s.rank() ? static_cast<std::size_t>(s[s.rank() - 1 - from_back]) : 1;
  };
  std::array<Axis, Shape::max_rank> inner_first{};
  std::size_t found = 0, size_a = 1, size_b = 1;
  for (std::size_t k = 0; k < std::max(a.rank(), b.rank()); ++k) {
    const std::size_t da = dim(a, k), db = dim(b, k);
    const std::size_t size = da == 1 ? db : da;
    numel_ *= size;
    if (size == 1) continue;
    const Axis axis{size, da == 1 ? 0 : size_a, db == 1 ? 0 : size_b};
    size_a *= da;
    size_b *= db;
    Axis* inner = found == 0 ? nullptr : &inner_first[found - 1];
    if (inner != nullptr && inner->step_a * inner->size == axis.step_a &&
        inner->step_b * inner->size == axis.step_b) {
      inner->size *= size;
    } else {
      inner_first[found++] = axis;
    }
  }
  rank_ = std::max<std::size_t>(found, 1);
  for (std::size_t k = 0; k < rank_; ++k) axes_[k] = inner_first[rank_ - 1 - k];
}

template <class F>
void Broadcast::part(std::size_t begin, std::size_t end, const F& f) const noexcept {
  if (begin >= end) return;
  std::array<std::size_t, Shape::max_rank> index{};
  std::size_t ia = 0, ib = 0, rest = begin;
  for (std::size_t k = rank_; k-- > 0;) {
    index[k] = rest % axes_[k].size;
    rest /= axes_[k].size;
    ia += index[k] * axes_[k].step_a;
    ib += index[k] * axes_[k].step_b;
  }
  const Axis inner = axes_[rank_ - 1];
  for (std::size_t i = begin; i < end;) {
    std::size_t& at = index[rank_ - 1];
    const std::size_t n = std::min(inner.size - at, end - i);
    f(i, ia, ib, n, inner.step_a, inner.step_b);
    i += n;
    at += n;
    ia += n * inner.step_a;
    ib += n * inner.step_b;
    for (std::size_t k = rank_ - 1; k > 0 && index[k] == axes_[k].size; --k) {
      ia += axes_[k - 1].step_a - axes_[k].size * axes_[k].step_a;
      ib += axes_[k - 1].step_b - axes_[k].size * axes_[k].step_b;
      index[k] = 0;
      ++index[k - 1];
    }
  }
}

}  // namespace hone
