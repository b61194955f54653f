#pragma once
/// Exponential, sigmoid and hyperbolic tangent without branches, so that loops over them become
/// vector code on every machine.  Within 1, 2.5 and 2 units in the last place.

#include <bit>
#include <cmath>
#include <cstdint>

namespace hone {

/// e^x; 0 and infinity beyond the range of float; NaN for NaN.
inline float fast_exp(float x) noexcept {
  // x = n log(2) + r with |r| <= log(2) / 2.  Adding 1.5 * 2^23 rounds to an integer, which then
  // stands in the low bits; log(2) is split so that n times its first part is exact.
  constexpr float round = 12582912.0f, log2_e = 1.44269502f;
  constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  x = x < -110.0f ? -110.0f : x;
  x = x > 90.0f ? 90.0f : x;
  const float shifted = x * log2_e + round;
  const float n = shifted - round;
  const float r = (x - n * ln2_high) - n * ln2_low;
  // (e^r - 1 - r) / r^2, least error relative to e^r (0.05 units): a fit of our own
  float p = 0x1.6a2434p-10f;
  p = p * r + 0x1.1239e2p-7f;
  p = p * r + 0x1.5558f2p-5f;
  p = p * r + 0x1.555492p-3f;
  p = p * r + 0x1.fffffcp-2f;
  const float y = (p * (r * r) + r) + 1.0f;
  // 2^n as two factors, as neither 2^128 nor 2^-150 is a normal number
  const std::int32_t i = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(round);
  const std::int32_t half = i >> 1, rest = i - half;
  const auto power = [](std::int32_t e) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(e + 127) << 23);
  };
  return y * power(half) * power(rest);
}

/// 1 / (1 + e^-x), small values to their last bits.
inline float fast_sigmoid(float x) noexcept {
  const float e = fast_exp(-std::abs(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

/// The hyperbolic tangent of x.
inline float fast_tanh(float x) noexcept {
  const float a = std::abs(x), e = fast_exp(-2.0f * a);
  // the quotient would cancel near 0; (tanh(x) - x) / x^3 there, a fit of our own in x^2
  const float u = x * x;
  float p = 0.00214191480f;
  p = p * u - 0.00817629043f;
  p = p * u + 0.0217002705f;
  p = p * u - 0.0539466888f;
  p = p * u + 0.133332059f;
  p = p * u - 0.333333313f;
  const float near = a + a * (u * p), far = (1.0f - e) / (1.0f + e);
  return std::copysign(a < 0.625f ? near : far, x);
}

}  // namespace hone
