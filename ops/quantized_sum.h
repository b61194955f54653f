#pragma once
/// Sums and differences in fixed point; quantization spec, section 3.

#include <cstdint>

#include <hone/op.h>

#include "ops/elementwise.h"
#include "ops/kernels/fixed_point.h"

namespace hone::ops {

/// One sum of two integers with scales of their own.  Both are brought to twice the larger scale,
/// with `left` more bits; then the sum goes to the scale of the output.
struct QuantizedSum {
  Rescale a, b, y;
  int left = 0;
  std::int32_t za = 0, zb = 0, zy = 0;
  std::int32_t low = 0, high = 0;
  /// int16 with scales that are powers of two: each operand is only shifted right.
  bool shifts = false;
  int shift_a = 0, shift_b = 0;

  template <bool difference>
  std::int32_t sum(std::int32_t qa, std::int32_t qb) const noexcept {
    const auto add = [](std::int32_t u, std::int32_t v) { return difference ? u - v : u + v; };
    std::int32_t q;
    if (shifts) {
      q = saturate<std::int16_t>(add(rounding_shift(qa, shift_a), rounding_shift(qb, shift_b)));
    } else {
      q = y(add(a(wrapping_shift(qa - za, left)), b(wrapping_shift(qb - zb, left)))) + zy;
    }
    return q < low ? low : q > high ? high : q;
  }
};

/// The same as a pass over int8 values.
BytePass byte_pass(const QuantizedSum& sum, bool subtracts) noexcept;

/// The sum of a quantized call.  `powers_of_two`: the option pot_scale_int16 of the file.
QuantizedSum quantized_sum(const Call& call, Activation activation, bool powers_of_two);

}  // namespace hone::ops
