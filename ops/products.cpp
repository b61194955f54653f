#include "ops/products.h"

namespace hone::ops {

void run(const Kernels& kernels, const Gemm& g) noexcept {
  const double row = 2.0 * static_cast<double>(g.n * g.k);
  if (g.m >= 4 * kernels.row_block || g.n <= kernels.column_block) {
    return in_blocks(g.m, kernels.row_block, row, [&](std::int64_t first, std::int64_t last) {
      Gemm part = g;
      part.m = last - first;
      part.a += first * g.a_row;
      part.c += first * g.c_row;
      kernels.gemm(part);
    });
  }
  const double column = 2.0 * static_cast<double>(g.m * g.k);
  in_blocks(g.n, kernels.column_block, column, [&](std::int64_t first, std::int64_t last) {
    Gemm part = g;
    part.n = last - first;
    part.b += first;
    part.c += first;
    if (part.bias) part.bias += first;
    kernels.gemm(part);
  });
}

void run(const Kernels& kernels, const Dot& d) noexcept {
  const double column = 2.0 * static_cast<double>(d.m * d.k);
  in_blocks(d.n, 4, column, [&](std::int64_t first, std::int64_t last) {
    Dot part = d;
    part.n = last - first;
    part.b += first * d.b_row;
    part.c += first;
    if (part.bias) part.bias += first;
    kernels.dot(part);
  });
}

void product(const Kernels& kernels, std::int64_t m, std::int64_t n, std::int64_t k,
             MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c,
             bool accumulate, float* scratch) noexcept {
  if (c.column != 1) {
    return product(kernels, n, m, k, b.transposed(), a.transposed(), c.transposed(), accumulate,
                   scratch);
  }
  if (b.column != 1 && a.column == 1 && prefers_dot(m)) {
    return run(kernels, Dot{.m = m,
                            .n = n,
                            .k = k,
                            .a = a.data,
                            .a_row = a.row,
                            .b = b.data,
                            .b_row = b.column,
                            .c = c.data,
                            .c_row = c.row,
                            .accumulate = accumulate});
  }
  if (b.column != 1) {
    kernels.transpose({.rows = n,
                       .columns = k,
                       .from = b.data,
                       .from_row = b.column,
                       .to = scratch,
                       .to_row = n});
    b = {scratch, n, 1};
  }
  run(kernels, Gemm{.m = m,
                    .n = n,
                    .k = k,
                    .a = a.data,
                    .a_row = a.row,
                    .a_col = a.column,
                    .b = b.data,
                    .b_row = b.row,
                    .c = c.data,
                    .c_row = c.row,
                    .accumulate = accumulate});
}

void column_sums(const Kernels& kernels, std::int64_t rows, std::int64_t columns, const float* x,
                 float* sums, bool accumulate) noexcept {
  in_blocks(columns, 64, static_cast<double>(rows), [&](std::int64_t first, std::int64_t last) {
    kernels.column_sums({.rows = rows,
                         .columns = last - first,
                         .x = x + first,
                         .x_row = columns,
                         .sums = sums + first,
                         .accumulate = accumulate});
  });
}

}  // namespace hone::ops
