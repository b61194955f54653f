#pragma once
/// The kernels: plain loops over pointers, strides and parameters.  One source is compiled once for
/// every instruction set; each compilation fills one table of function pointers.
///
/// Rules for all of them.  Nothing throws, allocates or keeps state.  Strides count elements, not
/// bytes.  Outputs do not overlap inputs unless said.  An output depends only on its own operands:
/// a caller may split the outputs of a call among threads wherever the kernel's comment allows, and
/// every split gives the same bits.  Floats differ in rounding between instruction sets, integers
/// never do.
///
/// This header is included by code compiled for instruction sets the machine may lack, so it holds
/// nothing that could be emitted as a shared inline function.

#include <stddef.h>
#include <stdint.h>

namespace hone {

/// C = clamp(bias + A B), or C = clamp(C + A B) with `accumulate`.  A: (m, k), B: (k, n), C: (m, n).
///
/// The products of a fully connected layer or 1x1 convolution y = x W^T, W: (outputs, inputs):
///   forward         A = x   (a_row = inputs, a_col = 1)   B = W^T (see Transpose)   C = y
///   backward input  A = gy  (a_row = outputs, a_col = 1)  B = W                     C = gx
///   backward weight A = gy^T (a_row = 1, a_col = outputs) B = x                     C = gW
/// Each output is summed in the order of k, whatever the shape: split by rows (best at multiples of
/// Kernels::row_block) or columns (multiples of Kernels::column_block), and k with `accumulate`.
struct Gemm {
  ptrdiff_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  ptrdiff_t a_row = 0, a_col = 1;  ///< A(i, k) is a[i * a_row + k * a_col]
  const float* b = nullptr;
  ptrdiff_t b_row = 0;  ///< B(k, j) is b[k * b_row + j]
  float* c = nullptr;
  ptrdiff_t c_row = 0;
  const float* bias = nullptr;  ///< n values or null; ignored with `accumulate`
  float lo = -__builtin_inff(), hi = __builtin_inff();
  bool accumulate = false;
};

/// C = clamp(bias + A B^T) with B in its natural layout (n, k): for a few rows of A (m <= 9, k >=
/// 100), where packing or transposing B would cost more than the product.  Sums in lanes, so it
/// rounds otherwise than Gemm: the choice between them must not depend on how a call was split.
/// Split anywhere by rows and columns.
struct Dot {
  ptrdiff_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  ptrdiff_t a_row = 0;
  const float* b = nullptr;
  ptrdiff_t b_row = 0;
  float* c = nullptr;
  ptrdiff_t c_row = 0;
  const float* bias = nullptr;  ///< n values or null
  float lo = -__builtin_inff(), hi = __builtin_inff();
  bool accumulate = false;  ///< C = clamp(C + A B^T); the bias is ignored
};

/// to(j, i) = from(i, j), i < rows, j < columns.  Split anywhere.
struct Transpose {
  ptrdiff_t rows = 0, columns = 0;
  const float* from = nullptr;
  ptrdiff_t from_row = 0;
  float* to = nullptr;
  ptrdiff_t to_row = 0;
};

/// sums[j] = sum over i of x(i, j), or += with `accumulate`: the gradient of a bias.  Split by
/// columns only.
struct ColumnSums {
  ptrdiff_t rows = 0, columns = 0;
  const float* x = nullptr;
  ptrdiff_t x_row = 0;
  float* sums = nullptr;
  bool accumulate = false;
};

/// g(i, j) = lo < y(i, j) < hi ? g(i, j) : 0 in place, and the column sums of the result in the same
/// pass where `sums` is given: the gradient through a fused activation and of the bias.
struct MaskedSums {
  ptrdiff_t rows = 0, columns = 0;
  const float* y = nullptr;
  ptrdiff_t y_row = 0;
  float* g = nullptr;
  ptrdiff_t g_row = 0;
  float lo = -__builtin_inff(), hi = __builtin_inff();
  float* sums = nullptr;
  bool accumulate = false;
};

/// What one instruction set offers.
struct Kernels {
  const char* isa;         ///< "v2", "v3", "v4", "vnni", "neon" or "base"
  ptrdiff_t row_block;     ///< rows of a register tile
  ptrdiff_t column_block;  ///< columns of a register tile

  void (*gemm)(const Gemm&) noexcept;
  void (*dot)(const Dot&) noexcept;
  void (*transpose)(const Transpose&) noexcept;
  void (*column_sums)(const ColumnSums&) noexcept;
  void (*masked_sums)(const MaskedSums&) noexcept;
};

}  // namespace hone
