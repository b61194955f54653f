#pragma once
/// What the ops that work element by element share: output types, the checks of quantized calls,
/// tables of functions.

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include <hone/op.h>

#include "ops/kernels/broadcast.h"
#include "ops/kernels/fixed_point.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/lookup.h"

namespace hone::ops {

/// The type of an op of two operands: their shapes broadcast (NumPy's rules), the dtype of input 0.
/// Throws Error where the dtypes differ or the shapes do not go together.
TensorType broadcast_type(const Call& call);

/// Whether the call runs in fixed point: 8 or 16 bits, quantized.  Throws Error where an operand
/// has no scale of its own, or several.  Integers without any scale are plain numbers, 8-bit ones
/// only where `plain_bytes` says so.
bool fixed_point(const Call& call, bool plain_bytes = false);

/// What a fused activation lets pass; T: float or an integer that is not quantized.
template <class T>
class Clamp {
 public:
  explicit Clamp(Activation activation) noexcept {
    const auto [low, high] = range_of(activation);
    if (low > static_cast<float>(low_)) low_ = static_cast<T>(low);
    if (high < static_cast<float>(high_)) high_ = static_cast<T>(high);
  }
  T operator()(T v) const noexcept { return v < low_ ? low_ : v > high_ ? high_ : v; }

 private:
  static constexpr bool real = std::is_floating_point_v<T>;
  using Limits = std::numeric_limits<T>;
  T low_ = real ? -Limits::infinity() : Limits::lowest();
  T high_ = real ? Limits::infinity() : Limits::max();
};

/// f(a, b) modulo 2^bits for integers; for floats f itself.
template <class T, class F>
T wrapped(T a, T b, const F& f) noexcept {
  if constexpr (std::is_integral_v<T>) {
    const auto wide = [](T v) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(v)); };
    return static_cast<T>(f(wide(a), wide(b)));
  } else {
    return f(a, b);
  }
}

/// A factor as the kernels want it.
inline FixedFactor fixed_factor(const Rescale& r) noexcept {
  return {r.multiplier, r.shift > 0 ? r.shift : 0, r.shift > 0 ? 0 : -r.shift};
}

/// Runs a pass over the int8 inputs 0 and 1, broadcast to output 0.
template <class Kernel>
void run_bytes(const Broadcast& shape, const Forward& f, const BytePass& pass,
               Kernel kernel) noexcept {
  const std::int8_t* a = f.input<std::int8_t>(0).data();
  const std::int8_t* b = f.input<std::int8_t>(1).data();
  std::int8_t* y = f.output<std::int8_t>(0).data();
  shape.each_run([&](std::size_t i, std::size_t ia, std::size_t ib, std::size_t n,
                     std::size_t step_a, std::size_t step_b) noexcept {
    BytePass run = pass;
    run.count = static_cast<std::ptrdiff_t>(n);
    run.a.from = a + ia, run.a.step = static_cast<std::ptrdiff_t>(step_a);
    run.b.from = b + ib, run.b.step = static_cast<std::ptrdiff_t>(step_b);
    run.y = y + i;
    kernel(run);
  });
}

/// Runs a pass over the floats a and b, broadcast to y.
template <class Kernel>
void run_floats(const Broadcast& shape, const float* a, const float* b, float* y,
                Activation activation, Kernel kernel) noexcept {
  const auto [lo, hi] = range_of(activation);
  shape.each_run([&](std::size_t i, std::size_t ia, std::size_t ib, std::size_t n,
                     std::size_t step_a, std::size_t step_b) noexcept {
    kernel({.count = static_cast<std::ptrdiff_t>(n),
            .a = a + ia,
            .a_step = static_cast<std::ptrdiff_t>(step_a),
            .b = b + ib,
            .b_step = static_cast<std::ptrdiff_t>(step_b),
            .y = y + i,
            .lo = lo,
            .hi = hi});
  });
}

/// Checks that the call is float, or quantized in its input and output; true in the second case.
bool unary_fixed_point(const Call& call);

/// Throws Error where a quantized input holds a value below zero.
void require_not_negative(const Call& call);

/// Functions of one value on integers: a table for 8 bits, one of 512 pieces for 16.
struct Tables {
  ByteTable bytes;
  WordTable words;

  template <class T>
  T operator()(T q) const noexcept {
    if constexpr (sizeof(T) == 1) {
      return bytes(q);
    } else {
      return words(q);
    }
  }
};

/// f, a function of reals, on one integer: computed in double and rounded to float, which is what a
/// correctly rounded float function gives.
template <class F>
std::int64_t requantized(const TensorType& x, const TensorType& y, std::int32_t q, const F& f) {
  const float real = x.scale * static_cast<float>(q - x.zero_point);
  const auto value = static_cast<float>(f(static_cast<double>(real)));
  const float per_y = 1.0f / y.scale;
  return std::int64_t{round_to_int32(static_cast<double>(value * per_y))} + y.zero_point;
}

/// The tables of f, a function of reals; unused for floats.
template <class F>
Tables tables_of(const Call& call, const F& f) {
  Tables tables;
  if (!unary_fixed_point(call)) return tables;
  const TensorType &x = call.inputs[0], &y = call.outputs[0];
  if (x.dtype == DType::int16) {
    tables.words = word_table<float>(x.scale, x.zero_point, y.scale, y.zero_point, [&](float v) {
      return static_cast<float>(f(static_cast<double>(v)));
    });
  } else {
    tables.bytes = byte_table(static_cast<std::int32_t>(integer_range(x.dtype).first),
                              [&](std::int32_t q) { return requantized(x, y, q, f); });
  }
  return tables;
}

/// Functions of one integer: computed for 16 bits, from a table for 8.
template <class F>
struct Points {
  F f;  // std::int32_t to any integer; saturated here
  ByteTable bytes;

  template <class T>
  T operator()(T q) const noexcept {
    if constexpr (sizeof(T) == 1) {
      return bytes(q);
    } else {
      return saturate<T>(f(q));
    }
  }
};

template <class F>
Points<F> points_of(const Call& call, const F& f) {
  const DType dtype = call.inputs[0].dtype;
  if (dtype == DType::int16) return {f, {}};
  return {f, byte_table(static_cast<std::int32_t>(integer_range(dtype).first), f)};
}

/// Forward of an op of one operand: f on floats, `integers` on 8 and 16 bits.
template <class T, class I, class F>
void map(const Forward& call, const I& integers, const F& f) noexcept {
  const T* x = call.input<T>(0).data();
  T* y = call.output<T>(0).data();
  if constexpr (std::is_same_v<T, float>) {
    each(call.inputs[0].numel(), [=](std::size_t i) { y[i] = f(x[i]); });
  } else {
    each(call.inputs[0].numel(), [=, &integers](std::size_t i) { y[i] = integers(x[i]); });
  }
}

/// Backward of an op of one operand that saves its input: gx = gy * slope(x).
template <class F>
void chain(const Backward& b, const F& slope) noexcept {
  const float* x = b.saved_input(0).data();
  const float* gy = b.output_grad(0).data();
  float* gx = b.input_grad(0).data();
  each(b.input_grad(0).size(), [=](std::size_t i) { gx[i] = gy[i] * slope(x[i]); });
}

}  // namespace hone::ops
