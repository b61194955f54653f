#pragma once
/// Matrix products on strided operands, and sums of columns.

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace hone {

/// Element (i, j) of a matrix is at data[i * row + j * column].
template <class T>
struct MatrixView {
  T* data;
  std::int64_t row, column;

  constexpr MatrixView transposed() const noexcept { return {data, column, row}; }
  constexpr T& operator()(std::int64_t i, std::int64_t j) const noexcept {
    return data[i * row + j * column];
  }
};

/// Sum of a[i] * b[i], in eight lanes: exact to a few roundings and free of long chains.
inline float dot(const float* a, const float* b, std::int64_t n) noexcept {
  float lanes[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::int64_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (std::int64_t l = 0; i < n; ++i, ++l) lanes[l] += a[i] * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/// v - zero as a Sum; float values have no zero point.
template <class Sum, class T>
constexpr Sum less_zero(T v, std::int32_t zero) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    return v;
  } else {
    return static_cast<Sum>(v - zero);
  }
}

/// Sum of (a[i] - za) * (b[i] - zb) in Sum: std::uint32_t (wraps as the format's int32 does) or
/// std::int64_t.
template <class Sum, class A, class B>
Sum offset_dot(const A* a, std::int32_t za, const B* b, std::int32_t zb, std::int64_t n) noexcept {
  Sum sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    sum += less_zero<Sum>(a[i], za) * less_zero<Sum>(b[i], zb);
  }
  return sum;
}

/// An integer sum as the number that it stands for.
constexpr double signed_value(std::uint32_t sum) noexcept { return static_cast<std::int32_t>(sum); }
constexpr double signed_value(std::int64_t sum) noexcept { return static_cast<double>(sum); }

/// C += A B; A: (m, k), B: (k, n), C: (m, n).  The loops follow the contiguous dimension.
inline void add_product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
                        MatrixView<const float> b, MatrixView<float> c) noexcept {
  if (b.column == 1 && c.column == 1) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t l = 0; l < k; ++l) {
        const float factor = a(i, l);
        const float* from = &b(l, 0);
        float* to = &c(i, 0);
        for (std::int64_t j = 0; j < n; ++j) to[j] += factor * from[j];
      }
    }
  } else if (a.row == 1 && c.row == 1) {
    add_product(n, m, k, b.transposed(), a.transposed(), c.transposed());
  } else if (a.column == 1 && b.row == 1) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) c(i, j) += dot(&a(i, 0), &b(0, j), k);
    }
  } else {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        float sum = 0;
        for (std::int64_t l = 0; l < k; ++l) sum += a(i, l) * b(l, j);
        c(i, j) += sum;
      }
    }
  }
}

/// sums[j] += sum over the rows of x (rows, columns), in blocks so that long sums stay accurate.
inline void add_column_sums(std::int64_t rows, std::int64_t columns, const float* x,
                            float* sums) noexcept {
  constexpr std::int64_t block = 32, height = 64;
  for (std::int64_t j = 0; j < columns; j += block) {
    const std::int64_t count = std::min(block, columns - j);
    for (std::int64_t i = 0; i < rows; i += height) {
      float part[block] = {};
      for (std::int64_t r = i; r < std::min(rows, i + height); ++r) {
        for (std::int64_t l = 0; l < count; ++l) part[l] += x[r * columns + j + l];
      }
      for (std::int64_t l = 0; l < count; ++l) sums[j + l] += part[l];
    }
  }
}

}  // namespace hone
