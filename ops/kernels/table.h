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

/// C = clamp(bias + A B), or C = clamp(C + A B) with `accumulate`.  A: (m, k), B: (k, n), C: (m, n)
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

/// C = clamp(bias + A B^T) with B in its natural layout (n, k): for one or two rows of A, where
/// transposing B would cost more than the product.  Sums in lanes, so it rounds otherwise than
/// Gemm: the choice between them must not depend on how a call was split.  Split anywhere by rows
/// and columns.
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

/// to(j, i) = from(i, j), bit for bit, or += with `accumulate`; i < rows, j < columns.  Split
/// anywhere.
struct Transpose {
  ptrdiff_t rows = 0, columns = 0;
  const float* from = nullptr;
  ptrdiff_t from_row = 0;
  float* to = nullptr;
  ptrdiff_t to_row = 0;
  bool accumulate = false;
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

/// g[i] = lo < y[i] < hi ? g[i] : 0 in place: the gradient through a clamp.  Split anywhere.
template <class T>
struct ClampGrad {
  ptrdiff_t count = 0;
  const T* y = nullptr;
  T lo = 0, hi = 0;
  float* g = nullptr;
};

/// y[i] += factor * x[i].  Split anywhere.
struct Axpy {
  ptrdiff_t count = 0;
  float factor = 1;
  const float* x = nullptr;
  float* y = nullptr;
};

/// The sum of x.  Not split.
struct FloatSum {
  ptrdiff_t count = 0;
  const float* x = nullptr;
};

/// y[i] = clamp(a[i] . b[i]), where . is +, - or *.  Steps are 1; one of the two is 0 where that
/// operand is a single value.  y may be a or b.  Split anywhere.
struct FloatPass {
  ptrdiff_t count = 0;
  const float* a = nullptr;
  ptrdiff_t a_step = 1;
  const float* b = nullptr;
  ptrdiff_t b_step = 1;
  float* y = nullptr;
  float lo = -__builtin_inff(), hi = __builtin_inff();
};

/// y = e^(beta x) / its sum.  Not split.
struct Softmax {
  ptrdiff_t count = 0;
  float beta = 1;
  const float* x = nullptr;
  float* y = nullptr;
};

/// What turns e in Q0.31 into units of 1/256: e * factor * 2^-(31 + right), 0 <= right <= 31.
struct ByteShare {
  int32_t factor = 0, right = 0;
};

/// y = 256 e / sum of e, rounded twice and at most 255, from the lowest byte on, where e is
/// exponentials[largest x - x] in Q0.31, for rows of one or more bytes.  Split by rows.
struct SoftmaxBytes {
  ptrdiff_t rows = 0, count = 0;
  const int8_t* x = nullptr;
  bool is_unsigned = false;  ///< x and y are uint8
  const int32_t* exponentials = nullptr;
  ByteShare (*share)(int64_t sum) noexcept = nullptr;  ///< of a sum in units of 2^-19
  int8_t* y = nullptr;
};

/// gx = beta y (gy - y . gy), where y is the softmax of beta x.  Not split.
struct SoftmaxGrad {
  ptrdiff_t count = 0;
  float beta = 1;
  const float* x = nullptr;
  const float* gy = nullptr;
  float* gx = nullptr;
};

/// The shape of a 2-D convolution of one image and, with groups, of one group: c and o count the
/// channels of the group, x_pixel and y_pixel all of them.  x: (h, w, c), y: (oh, ow, o),
/// weights: (o, kh, kw, c).  A 1-D convolution has h = kh = 1.
struct Conv {
  ptrdiff_t h = 1, w = 1, c = 1;
  ptrdiff_t oh = 1, ow = 1, o = 1;
  ptrdiff_t kh = 1, kw = 1;
  ptrdiff_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  ptrdiff_t pad_top = 0, pad_left = 0;
  ptrdiff_t x_pixel = 1, y_pixel = 1;  ///< between pixels of x (and gx), of y (and gy)
};

/// C = clamp(bias + A B) where row p of A is gathered from one image, tap by tap, through a table
/// (conv_table.h), and each row of C goes where the table says:
///   forward         table of forward_table   a = x   k = c   b = W^T: (kh kw c, o)  n = o   c = y
///   backward input  table of backward_table  a = gy  k = o   b = W: (o, kh kw c)    n = c   c = gx
/// Outputs are summed in the order of taps, then of k.  Split by tiles.
struct GatherProduct {
  const int32_t* table = nullptr;
  ptrdiff_t first_tile = 0, last_tile = 0;  ///< [first, last) of conv_tiles()
  const float* a = nullptr;
  ptrdiff_t k = 0;
  const float* b = nullptr;
  ptrdiff_t b_row = 0;
  ptrdiff_t n = 0;
  const float* bias = nullptr;
  float lo = -__builtin_inff(), hi = __builtin_inff();
  float* c = nullptr;
};

/// The gradient of the weights of a convolution, transposed: gw: (taps, c, o), written or, with
/// `accumulate`, added to; over the pixels of one image.
/// Split by taps.
struct GatherWeights {
  const int32_t* table = nullptr;  ///< the forward table
  ptrdiff_t first_tap = 0, last_tap = 0;
  ptrdiff_t c = 0, o = 0;
  const float* x = nullptr;
  const float* gy = nullptr;
  ptrdiff_t gy_pixel = 0;
  float* gw = nullptr;
  bool accumulate = false;
};

/// The three kernels of a depthwise convolution of one image.  `shape` counts c input channels and
/// o = c * multiplier outputs; input channel i makes outputs i * multiplier and the next ones.
/// x: (h, w, c), w: (kh, kw, o), y: (oh, ow, o), densely.
///   depthwise          y = clamp(bias + sum over taps of x w)            writes rows of y
///   depthwise_input    gx = sum over taps of gy w                        writes rows of gx
///   depthwise_weights  gw = (accumulate: gw +) sum over pixels of x gy   no split by rows
/// Split by input channels (best at multiples of 16) and by rows.
struct Depthwise {
  Conv shape;
  ptrdiff_t first_channel = 0, last_channel = 0;  ///< [first, last) of c
  ptrdiff_t first_row = 0, last_row = 0;          ///< [first, last) of oh, or of h for gx
  const float* x = nullptr;
  const float* w = nullptr;
  const float* bias = nullptr;  ///< o values or null
  float lo = -__builtin_inff(), hi = __builtin_inff();
  const float* gy = nullptr;
  float* out = nullptr;  ///< y, gx or gw
  bool accumulate = false;
};

/// The largest value under each window of one image; x: (h, w, c), y: (oh, ow, c), densely, c = o.
///   max_pool        out = y = clamp(largest x)       writes rows of y
///   max_pool_input  out = gx += gy at the first of the largest; no split by rows
/// Split by channels (best at multiples of 16).
struct MaxPool {
  Conv shape;
  ptrdiff_t first_channel = 0, last_channel = 0;
  ptrdiff_t first_row = 0, last_row = 0;  ///< [first, last) of oh
  const float* x = nullptr;
  float lo = -__builtin_inff(), hi = __builtin_inff();
  const float* gy = nullptr;
  float* out = nullptr;
};

/// The same of integers: out = y = clamp(largest x).  Split by rows.
template <class T>
struct MaxPoolIntegers {
  Conv shape;
  ptrdiff_t first_row = 0, last_row = 0;  ///< [first, last) of oh
  const T* x = nullptr;
  T lo = 0, hi = 0;
  T* out = nullptr;
};

/// From int32 sums to bytes, one factor for each of n outputs:
///   to = clamp(zero_point + scaled(sum + bias), lo, hi)
/// where scaled is either fixed-point arithmetic with two roundings (multipliers, left, right:
/// multiplier * 2^(left - right - 31), left and right in 0..31, one of them 0), or, with `factors`,
/// a product in double rounded to nearest, halves away from zero.  Bytes are int8 or uint8, as the
/// limits say.
struct Requant {
  const int32_t* bias = nullptr;  ///< n values or null
  const int32_t* multipliers = nullptr;
  const int32_t* left = nullptr;
  const int32_t* right = nullptr;
  bool only_right = false;  ///< every `left` is 0, every `right` 1 or more
  const double* factors = nullptr;
  int32_t zero_point = 0, lo = -128, hi = 127;
};

/// y = clamp(requantized sum over taps of (x - x_zero_point) (w - w_zero_point)) of one int8 image
/// and one output a channel.  x: (h, w, c), w: (kh, kw, c), y: (oh, ow, c), densely.  The factors
/// are fixed-point ones.  Sums wrap at 32 bits.
/// Split by channels (best at multiples of 16) and by rows of y.
struct DepthwiseBytes {
  Conv shape;
  ptrdiff_t first_channel = 0, last_channel = 0;  ///< [first, last) of c
  ptrdiff_t first_row = 0, last_row = 0;          ///< [first, last) of oh
  const int8_t* x = nullptr;
  int32_t x_zero_point = 0;
  const int8_t* w = nullptr;
  int32_t w_zero_point = 0;
  Requant requant;
  int8_t* y = nullptr;
};

/// The integer GatherProduct, forward only.  Channels are multiplied a lane of 32 bits at a time:
///   gather_pairs   two int16 of the image, which Widen made, by two int16 weights
///   gather_bytes   four bytes of the image, which FlipBytes made, by four int8 weights
/// `b` holds the weights as (taps, lanes of a tap, n), 0 in what follows the last channel.  The
/// table is a forward table of a shape that counts lanes as channels, its pixels of x so many
/// int16 (bytes) apart; a product of matrices, whose one tap is at the pixel itself, needs none.
/// Sums wrap at 32 bits.  Split by tiles.
struct GatherInteger {
  static constexpr ptrdiff_t most_outside = 512;

  const int32_t* table = nullptr;
  ptrdiff_t pixels = 0, a_pixel = 0, c_pixel = 0;  ///< where table is null
  ptrdiff_t first_tile = 0, last_tile = 0;
  const void* a = nullptr;
  const void* outside = nullptr;  ///< min(k, most_outside) lanes: a tap outside of the image
  ptrdiff_t k = 0;                ///< lanes of a tap
  const int32_t* b = nullptr;
  ptrdiff_t n = 0;
  Requant requant;
  int8_t* c = nullptr;
};

/// Requantizes float sums that are whole numbers below 2^24.  Split by rows.
struct RequantRows {
  ptrdiff_t rows = 0, columns = 0;
  const float* sums = nullptr;
  ptrdiff_t sums_row = 0;
  Requant requant;
  int8_t* to = nullptr;
  ptrdiff_t to_row = 0;
};

/// to(i, j) = from(i, j) - zero_point as int16, 0 for columns <= j < to_row.
struct Widen {
  ptrdiff_t rows = 0, columns = 0;
  const void* from = nullptr;  ///< int8 or uint8, densely
  bool is_unsigned = false;
  int32_t zero_point = 0;
  int16_t* to = nullptr;
  ptrdiff_t to_row = 0;
};

/// to(i, j) = from(i, j) with the bits of `flip` the other way round, `fill` for
/// columns <= j < to_row.
struct FlipBytes {
  ptrdiff_t rows = 0, columns = 0;
  const int8_t* from = nullptr;  ///< densely
  uint8_t flip = 0, fill = 0;
  uint8_t* to = nullptr;
  ptrdiff_t to_row = 0;
};

/// to[i] = the sum of row i of an int8 matrix.  Split anywhere.
struct RowSums {
  ptrdiff_t rows = 0, columns = 0;
  const int8_t* from = nullptr;  ///< densely
  int32_t* to = nullptr;
};

/// One scale for all elements (step 0) or one for each (step 1); null: 1 for all.
struct ElementScales {
  const float* values = nullptr;
  ptrdiff_t step = 0;
};

/// to[i] = scale * (from[i] - zero_point).  Split anywhere.
struct Dequantize {
  ptrdiff_t count = 0;
  const void* from = nullptr;  ///< int8 or uint8
  bool is_unsigned = false;
  int32_t zero_point = 0;
  ElementScales scales;
  float* to = nullptr;
};

/// to[i] = clamp(round(from[i] / scale) + zero_point, lo, hi), halves away from zero; NaN counts
/// as 0.  Bytes are int8 or uint8, as the limits say.  Split anywhere.
struct Quantize {
  ptrdiff_t count = 0;
  const float* from = nullptr;
  ElementScales scales;
  int32_t zero_point = 0, lo = -128, hi = 127;
  int8_t* to = nullptr;
};

/// q[i] = clamp(q[i] + floor((after[i] - before[i]) / scale + u), lo, hi) in float, u in [0, 1) the
/// upper 24 bits of the noise (noise.h) of `key` and element first + i.  Split anywhere.
struct RoundStochastic {
  ptrdiff_t count = 0;
  const float* before = nullptr;
  const float* after = nullptr;
  ElementScales scales;
  uint64_t key = 0, first = 0;
  int32_t lo = -127, hi = 127;
  int8_t* q = nullptr;
};

/// Whether all of x are finite.
struct Finite {
  ptrdiff_t count = 0;
  const float* x = nullptr;
};

/// A real factor in fixed point: multiplier * 2^(left - right - 31).
struct FixedFactor {
  int32_t multiplier = 0, left = 0, right = 0;
};

/// An int8 operand of a pass over elements: repeated where step is 0, else step is 1.
struct ByteOperand {
  const int8_t* from = nullptr;
  ptrdiff_t step = 1;
  int32_t zero_point = 0;
  FixedFactor factor;
};

/// Sums, differences and products of int8 values in fixed point, each factor rounded twice; a sum
/// scales its operands with `left` more bits first.  Split anywhere.
///   add_bytes       y = clamp(zero_point + factor(a.factor(a) + b.factor(b)), lo, hi)
///   multiply_bytes  y = clamp(zero_point + factor(a b), lo, hi)
struct BytePass {
  ptrdiff_t count = 0;
  ByteOperand a, b;
  int32_t left = 0;
  bool subtracts = false;
  FixedFactor factor;
  int32_t zero_point = 0, lo = -128, hi = 127;
  int8_t* y = nullptr;
};

/// Multiplications and additions in registers, `rounds` times a few, to tell how many the machine
/// does in a second at most.
struct MultiplyAdds {
  ptrdiff_t rounds = 0;
  float x = 0, y = 0;            ///< any; the compiler must not know them
  float* sum = nullptr;          ///< some of the result, so that it is needed
  double* operations = nullptr;  ///< how many there were
};

/// What one instruction set offers.
struct Kernels {
  const char* isa;         ///< "v2", "v3", "v4", "vnni", "neon", "sdot" or "base"
  ptrdiff_t row_block;     ///< rows of a register tile
  ptrdiff_t column_block;  ///< columns of a register tile

  void (*gemm)(const Gemm&) noexcept;
  void (*dot)(const Dot&) noexcept;
  void (*transpose)(const Transpose&) noexcept;
  void (*column_sums)(const ColumnSums&) noexcept;
  void (*clamp_grad)(const ClampGrad<float>&) noexcept;
  void (*clamp_grad_int8)(const ClampGrad<int8_t>&) noexcept;
  void (*clamp_grad_int16)(const ClampGrad<int16_t>&) noexcept;
  void (*axpy)(const Axpy&) noexcept;
  bool (*finite)(const Finite&) noexcept;
  float (*sum)(const FloatSum&) noexcept;
  void (*add)(const FloatPass&) noexcept;
  void (*subtract)(const FloatPass&) noexcept;
  void (*multiply)(const FloatPass&) noexcept;
  void (*softmax)(const Softmax&) noexcept;
  void (*softmax_grad)(const SoftmaxGrad&) noexcept;
  void (*softmax_bytes)(const SoftmaxBytes&) noexcept;

  void (*gather_product)(const GatherProduct&) noexcept;
  void (*gather_weights)(const GatherWeights&) noexcept;

  void (*depthwise)(const Depthwise&) noexcept;
  void (*depthwise_input)(const Depthwise&) noexcept;
  void (*depthwise_weights)(const Depthwise&) noexcept;
  void (*max_pool)(const MaxPool&) noexcept;
  void (*max_pool_input)(const MaxPool&) noexcept;
  void (*max_pool_int8)(const MaxPoolIntegers<int8_t>&) noexcept;
  void (*max_pool_uint8)(const MaxPoolIntegers<uint8_t>&) noexcept;
  void (*max_pool_int16)(const MaxPoolIntegers<int16_t>&) noexcept;

  void (*gather_pairs)(const GatherInteger&) noexcept;
  void (*requantize)(const RequantRows&) noexcept;
  void (*widen)(const Widen&) noexcept;

  void (*dequantize)(const Dequantize&) noexcept;
  void (*quantize)(const Quantize&) noexcept;
  void (*round_stochastic)(const RoundStochastic&) noexcept;
  void (*add_bytes)(const BytePass&) noexcept;
  void (*multiply_bytes)(const BytePass&) noexcept;

  void (*multiply_adds)(const MultiplyAdds&) noexcept;

  void (*depthwise_bytes)(const DepthwiseBytes&) noexcept;

  /// Only where the set multiplies bytes, else null.  Its image has the bits of byte_flip the other
  /// way round: 0x80 makes x + 128 of a signed x, for instructions that want it unsigned.
  uint8_t byte_flip = 0;
  void (*gather_bytes)(const GatherInteger&) noexcept = nullptr;
  void (*flip_bytes)(const FlipBytes&) noexcept = nullptr;
  void (*row_sums)(const RowSums&) noexcept = nullptr;
};

}  // namespace hone
