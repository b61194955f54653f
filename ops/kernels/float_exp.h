#pragma once
/// Exponential, sigmoid and hyperbolic tangent without branches, so that loops over them become
/// vector code on every machine.  Within 1, 2.5 and 2 units in the last place.

#include <cmath>
#include <cstdint>

#include "ops/kernels/exp_of.h"

namespace hone {

/// e^x; 0 and infinity beyond the range of float; NaN for NaN.
inline float fast_exp(float x) noexcept { return exp_of<float, std::int32_t>(x); }

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
