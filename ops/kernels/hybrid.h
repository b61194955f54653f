#pragma once
/// Integers made of float activations on the fly, where the weights are integers and the
/// activations are not ("dynamic range" models).  quantization spec, section 5.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ops/kernels/fixed_point.h"

namespace hone {

/// real = scale * (q - zero_point)
struct OnTheFly {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// n values as int8 in [-127, 127] with zero point 0; zeros where all of them are 0.
inline OnTheFly quantize_symmetric(const float* x, std::int64_t n, std::int8_t* q) noexcept {
  float range = 0;
  for (std::int64_t i = 0; i < n; ++i) range = std::max(range, std::fabs(x[i]));
  if (range == 0) {
    std::fill_n(q, n, std::int8_t{0});
    return {};
  }
  const float inverse = 127.0f / range;
  for (std::int64_t i = 0; i < n; ++i) {
    q[i] = static_cast<std::int8_t>(std::clamp(round_to_int32(x[i] * inverse), -127, 127));
  }
  return {range / 127.0f, 0};
}

/// n values as int8 in [-128, 127]; the range always holds 0, and 0 is met exactly.
inline OnTheFly quantize_asymmetric(const float* x, std::int64_t n, std::int8_t* q) noexcept {
  float lowest = 0, highest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    lowest = std::min(lowest, x[i]);
    highest = std::max(highest, x[i]);
  }
  if (lowest == highest) {
    std::fill_n(q, n, std::int8_t{0});
    return {};
  }
  const double low = lowest, high = highest, scale = (high - low) / 255.0;
  // the end with the smaller error decides, as in the reference
  const bool from_low = 128.0 + std::fabs(low / scale) < 127.0 + std::fabs(high / scale);
  const double real = from_low ? -128.0 - low / scale : 127.0 - high / scale;
  const std::int32_t zero = std::clamp(round_to_int32(real), -128, 127);
  const auto step = static_cast<float>(scale);
  const float inverse = 1.0f / step;
  for (std::int64_t i = 0; i < n; ++i) {
    const float v = static_cast<float>(zero) + x[i] * inverse;
    q[i] = static_cast<std::int8_t>(std::clamp(round_to_int32(v), -128, 127));
  }
  return {step, zero};
}

}  // namespace hone
