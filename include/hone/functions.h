#pragma once
/// Operators as functions of Variables: they compute at once and, where an input requires a
/// gradient, record.  Axes may count from the end.  All throw Error (argument) on shapes and types
/// that do not fit.

#include <cstdint>
#include <utility>
#include <vector>

#include <hone/op.h>
#include <hone/tensor.h>
#include <hone/variable.h>

namespace hone {

// Arithmetic, element by element.  Both operands have one type, float32 or a plain integer, and
// shapes that broadcast to one another (NumPy's rules).  A float stands for a scalar float32.

/// a + b.
Variable add(const Variable& a, const Variable& b);
Variable operator+(const Variable& a, const Variable& b);
Variable operator+(const Variable& a, float b);
Variable operator+(float a, const Variable& b);
/// a - b.
Variable sub(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, float b);
Variable operator-(float a, const Variable& b);
/// a * b.
Variable mul(const Variable& a, const Variable& b);
Variable operator*(const Variable& a, const Variable& b);
Variable operator*(const Variable& a, float b);
Variable operator*(float a, const Variable& b);
/// a / b; integers (not int64) towards zero, and Error where a divisor is 0.
Variable div(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, float b);
Variable operator/(float a, const Variable& b);
/// (a - b)^2; float32 or int32.
Variable squared_difference(const Variable& a, const Variable& b);
/// The larger of a and b; on a tie the gradient goes to a.  Integers with a scale keep it.
Variable maximum(const Variable& a, const Variable& b);
/// The smaller of a and b; on a tie the gradient goes to a.  Integers with a scale keep it.
Variable minimum(const Variable& a, const Variable& b);
/// a^b; float32, or int32 with exponents b >= 0 (Error otherwise), saturated.
Variable pow(const Variable& a, const Variable& b);

// Functions of one value.  x: any shape, float32 unless it says otherwise; y: the shape of x.

/// -x; float32 or any integer.
Variable neg(const Variable& x);
Variable operator-(const Variable& x);
/// |x|; float32 or an integer.  The gradient at 0 is 0.
Variable abs(const Variable& x);
/// e^x.
Variable exp(const Variable& x);
/// The natural logarithm of x.
Variable log(const Variable& x);
/// The square root of x.
Variable sqrt(const Variable& x);
/// 1 / the square root of x.
Variable rsqrt(const Variable& x);
/// 1 / (1 + e^-x), LOGISTIC in the file format.
Variable sigmoid(const Variable& x);
/// The hyperbolic tangent of x.
Variable tanh(const Variable& x);
/// max(x, 0).  The gradient at 0 is 0.  x: float32 or 8 or 16-bit integers with a scale, which the
/// result keeps; likewise the next three.
Variable relu(const Variable& x);
/// x within [0, 6].  The gradient at 0 and 6 is 0.
Variable relu6(const Variable& x);
/// x where it is above 0, alpha * x elsewhere.
Variable leaky_relu(const Variable& x, float alpha = 0.2f);
/// x * relu6(x + 3) / 6.  Howard et al. (2019), "Searching for MobileNetV3", section 5.2.  x:
/// float32 or 8-bit integers with a scale.
Variable hard_swish(const Variable& x);
/// e^(beta x) over its sum along the last axis; x: rank 1 or more.
Variable softmax(const Variable& x, float beta = 1.0f);
/// The logarithm of softmax(x), without its underflow.
Variable log_softmax(const Variable& x);
// Windows over images (N, H, W, C).

/// same: as many outputs as ceil(input / stride), zeros around the image, the odd row and column
/// behind it.  valid: only windows that lie in the image.  The numbers are those of the file
/// format.
enum class Padding : std::uint8_t { same = 0, valid = 1 };

/// How a kernel moves over an image.
struct ConvOptions {
  Padding padding = Padding::same;
  std::int32_t stride_h = 1, stride_w = 1;
  std::int32_t dilation_h = 1, dilation_w = 1;
  Activation activation = Activation::none;
};

/// y[n, i, j, o] = b[o] + sum of x[n, ., ., c] * w[o, ., ., c] under the window, cross-correlation.
/// x: (N, H, W, C); w: (O, KH, KW, C / groups); b: (O), may be left out; y: (N, OH, OW, O).  The
/// number of groups is that of the shapes.  x float32 with w float32, or with int8 weights (x is
/// then rounded to int8 for each image); or x int8, uint8 or int16.
Variable conv_2d(const Variable& x, const Variable& w, const Variable& b = {},
                 const ConvOptions& options = {});
/// Each channel by its own kernels: output c * m + k is channel c under kernel k of it.
/// x: (N, H, W, C); w: (1, KH, KW, C * m); b: (C * m), may be left out; y: (N, OH, OW, C * m).
/// Types as conv_2d.
Variable depthwise_conv_2d(const Variable& x, const Variable& w, const Variable& b = {},
                           const ConvOptions& options = {});

/// The window of a pool and how it moves.
struct PoolOptions {
  std::int32_t filter_h = 2, filter_w = 2;
  std::int32_t stride_h = 2, stride_w = 2;
  Padding padding = Padding::valid;
  Activation activation = Activation::none;
};

/// Mean of the elements under the window; padding does not count.
/// x: (N, H, W, C) float32, int8, uint8 or int16; y: (N, OH, OW, C), of the scale of x.
Variable average_pool_2d(const Variable& x, const PoolOptions& options = {});
/// Largest element under the window; the gradient goes to the first of equal ones.
/// Shapes and types as average_pool_2d.
Variable max_pool_2d(const Variable& x, const PoolOptions& options = {});

// Products.

struct FullyConnectedOptions {
  Activation activation = Activation::none;
  /// y keeps the leading dimensions of x; otherwise it is (rows, O).
  bool keep_num_dims = false;
  /// With integer weights and float x: x is rounded to integers with a zero point.
  bool asymmetric_quantize_inputs = false;
};

/// y = x w^T + b.  x: (..., I), or any shape with a multiple of I elements; w: (O, I); b: (O), may
/// be left out; y: (rows, O).  x float32 with w float32 or int8 (x is then rounded to int8 row by
/// row); or x int8, uint8 or int16.
Variable fully_connected(const Variable& x, const Variable& w, const Variable& b = {},
                         const FullyConnectedOptions& options = {});

struct BatchMatmulOptions {
  bool adj_x = false;  ///< the last two dimensions of x change places first
  bool adj_y = false;  ///< those of y likewise
  /// With integer y and float x: x is rounded to integers with a zero point.
  bool asymmetric_quantize_inputs = false;
};

/// The matrix products x y.  x: (..., M, K); y: (..., K, N); result: (..., M, N), where the leading
/// dimensions broadcast.  float32, int8 or int16; or x float32 and y int8 (x is then rounded to
/// int8 row by row).
Variable batch_matmul(const Variable& x, const Variable& y, const BatchMatmulOptions& options = {});

// Shapes.  All of them take any element type.

/// The same elements under another shape; one dimension may be -1 and takes what is left.
Variable reshape(const Variable& x, const std::vector<std::int64_t>& shape);
/// x without the dimensions `axes`, which must be 1; without all dimensions of 1 where `axes` is
/// empty.
Variable squeeze(const Variable& x, const std::vector<std::int64_t>& axes = {});
/// x with a dimension of 1 that becomes dimension `axis` of the result.
Variable expand_dims(const Variable& x, std::int64_t axis);

// Moving elements.  All of them take any element type.

/// Dimension i of the result is dimension perm[i] of x.
Variable transpose(const Variable& x, const std::vector<std::int64_t>& perm);
/// Arrays of one type, equal but for dimension `axis`, one behind the other along it.  uint8 arrays
/// of different scales are requantized to the first one's; int8 and int16 must have equal ones.
Variable concatenation(const std::vector<Variable>& xs, std::int64_t axis);
/// Arrays of one type and shape, along a new dimension `axis` of the result.
Variable pack(const std::vector<Variable>& xs, std::int64_t axis = 0);
/// x with `before` and `after` zeros added to each dimension (the zero point in integers with a
/// scale).  `paddings`: {before, after} for each dimension.
Variable pad(const Variable& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& paddings);
/// `size` elements of each dimension from `begin` on; size -1: all that follow.
Variable slice(const Variable& x, const std::vector<std::int64_t>& begin,
               const std::vector<std::int64_t>& size);

/// Bit i is set: position i of begin, end and strides has that meaning.
struct StridedSliceMasks {
  std::uint32_t begin = 0;        ///< begin is ignored: from the first element (the last one where
                                  ///< the stride is negative)
  std::uint32_t end = 0;          ///< end is ignored: to the end
  std::uint32_t ellipsis = 0;     ///< as many whole dimensions as are left; at most one bit
  std::uint32_t new_axis = 0;     ///< a new dimension of 1
  std::uint32_t shrink_axis = 0;  ///< only element begin; the dimension disappears
};
/// Every `strides`-th element of each dimension from `begin` up to and without `end`, as Python's
/// x[begin:end:strides]: negative positions count from the end, positions beyond an end are cut.
/// Strides may be negative.  `strides` empty: all 1.
Variable strided_slice(const Variable& x, const std::vector<std::int64_t>& begin,
                       const std::vector<std::int64_t>& end,
                       const std::vector<std::int64_t>& strides = {},
                       const StridedSliceMasks& masks = {});
/// Slices of x along `axis`, in the order of the integers `indices`, whose shape takes the place of
/// that dimension.  The first `batch_dims` dimensions of x and indices are one.  Throws Error where
/// an index is outside [0, dimension).
Variable gather(const Variable& x, const Variable& indices, std::int64_t axis = 0,
                std::int64_t batch_dims = 0);

// Reductions.

/// Arithmetic mean over `axes`; they stay as dimensions of 1 where `keep_dims` is set.  Plain
/// integers are divided towards zero.
Variable mean(const Variable& x, const std::vector<std::int64_t>& axes, bool keep_dims = false);
/// Mean over everything; a scalar.
Variable mean(const Variable& x);
/// Sum over `axes`; they stay as dimensions of 1 where `keep_dims` is set.
Variable sum(const Variable& x, const std::vector<std::int64_t>& axes, bool keep_dims = false);
/// Sum over everything; a scalar.
Variable sum(const Variable& x);

// Element types.

/// The values of x as `dtype`, whatever its scale: floats are cut towards zero and saturate,
/// integers wrap, NaN becomes 0.
Variable cast(const Variable& x, DType dtype);
/// Real values as integers of a scale: round(x / scale) + zero_point, halves away from zero,
/// saturated.  `x`: float32, or integers with a scale.
Variable quantize(const Variable& x, DType dtype, const QuantParams& quant);
/// float32 in real units from integers with a scale or from float16.
Variable dequantize(const Variable& x);

}  // namespace hone
