#pragma once
/// Float products of whole layers on the kernels of this machine, split among threads.

#include <algorithm>
#include <cstdint>

#include <hone/threads.h>

#include "ops/kernels/kernels.h"
#include "ops/kernels/product.h"

namespace hone::ops {

/// Calls body(first, last) for blocks of [0, total), each a multiple of `unit` but the last, on all
/// threads.  `work` is the number of operations of one element: blocks are no shorter than what
/// waking a thread costs, and do not depend on the number of threads.
template <class F>
void in_blocks(std::int64_t total, std::int64_t unit, double work, F&& body) noexcept {
  constexpr double least = 4e6, most_blocks = 64;  // 40 us of multiplications and additions
  const double all = work * static_cast<double>(total);
  const auto blocks = static_cast<std::int64_t>(std::clamp(all / least, 1.0, most_blocks));
  std::int64_t size = (total + blocks - 1) / blocks;
  size = std::max(unit, (size + unit - 1) / unit * unit);
  if (total <= size || threads() == 1) {
    if (total > 0) body(std::int64_t{0}, total);
    return;
  }
  parallel_for(static_cast<std::size_t>((total + size - 1) / size), [&](std::size_t i) {
    const std::int64_t first = static_cast<std::int64_t>(i) * size;
    body(first, std::min(first + size, total));
  });
}

/// Kernels::gemm and Kernels::dot on all threads.
void run(const Kernels& kernels, const Gemm& g) noexcept;
void run(const Kernels& kernels, const Dot& d) noexcept;

/// Whether rows times W^T is faster with W as it lies than with a transposed copy.
constexpr bool prefers_dot(std::int64_t rows) noexcept { return rows <= 2; }

/// C = A B, or C += A B; A: (m, k), B: (k, n), C: (m, n), with any strides of which one is 1 in B
/// and in C.  `scratch`: k * max(m, n) floats, for the operand that has to be transposed.
void product(const Kernels& kernels, std::int64_t m, std::int64_t n, std::int64_t k,
             MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c,
             bool accumulate, float* scratch) noexcept;

/// sums (=, or += with `accumulate`) the column sums of x: (rows, columns), on all threads.
void column_sums(const Kernels& kernels, std::int64_t rows, std::int64_t columns, const float* x,
                 float* sums, bool accumulate) noexcept;

}  // namespace hone::ops
