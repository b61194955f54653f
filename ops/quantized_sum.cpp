#include "ops/quantized_sum.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace hone::ops {
namespace {

/// Whether `scale` is 2^exponent, near enough.
bool power_of_two(float scale, int& exponent) {
  const float log2 = std::log2(scale);
  exponent = static_cast<int>(std::round(log2));
  return std::abs(log2 - static_cast<float>(exponent)) < 1e-3f;
}

/// Sets the shifts of the power-of-two path; false where the scales do not allow it.
bool use_shifts(QuantizedSum& sum, float sa, float sb, float sy) {
  int a = 0, b = 0, y = 0;
  if (!power_of_two(sa, a) || !power_of_two(sb, b) || !power_of_two(sy, y)) return false;
  // the operand with the larger scale is at the scale of the output, the other one below it
  if (a > y || b > y || (a != y && b != y) || std::min(a, b) < y - 31) return false;
  sum.shifts = true;
  sum.shift_a = y - a;
  sum.shift_b = y - b;
  return true;
}

}  // namespace

BytePass byte_pass(const QuantizedSum& sum, bool subtracts) noexcept {
  BytePass p;
  p.a = {.zero_point = sum.za, .factor = fixed_factor(sum.a)};
  p.b = {.zero_point = sum.zb, .factor = fixed_factor(sum.b)};
  p.left = sum.left;
  p.subtracts = subtracts;
  p.factor = fixed_factor(sum.y);
  p.zero_point = sum.zy;
  p.lo = sum.low, p.hi = sum.high;
  return p;
}

QuantizedSum quantized_sum(const Call& call, Activation activation, bool powers_of_two) {
  call.require_symmetric_int16();
  const TensorType &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  const bool wide = a.dtype == DType::int16;
  QuantizedSum sum;
  std::tie(sum.low, sum.high) = quantized_range(activation, y);
  if (wide && powers_of_two && use_shifts(sum, a.scale, b.scale, y.scale)) return sum;
  sum.left = wide ? 15 : 20;
  sum.za = a.zero_point;
  sum.zb = b.zero_point;
  sum.zy = y.zero_point;
  const double twice = 2.0 * static_cast<double>(std::max(a.scale, b.scale));
  const double to_y = twice / (std::ldexp(static_cast<double>(y.scale), sum.left));
  if (!(to_y < 1)) {
    call.refuse("expected an output scale that int32 sums can reach, above ",
                std::ldexp(twice, -sum.left), ", got ", y.scale);
  }
  sum.a = rescale(static_cast<double>(a.scale) / twice);
  sum.b = rescale(static_cast<double>(b.scale) / twice);
  sum.y = rescale(to_y);
  return sum;
}

}  // namespace hone::ops
