#pragma once
/// Softmax of one row of floats.

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ops/kernels/float_exp.h"

namespace hone {

/// y = e^(beta x) / its sum; n >= 1 values.
inline void softmax_row(const float* x, float* y, std::size_t n, float beta) noexcept {
  float largest = beta * x[0];
  for (std::size_t i = 1; i < n; ++i) largest = std::max(largest, beta * x[i]);
  for (std::size_t i = 0; i < n; ++i) y[i] = fast_exp(beta * x[i] - largest);
  double sum[4] = {};  // four chains of additions instead of one
  for (std::size_t i = 0; i < n; ++i) sum[i % 4] += static_cast<double>(y[i]);
  const auto scale = static_cast<float>(1 / ((sum[0] + sum[1]) + (sum[2] + sum[3])));
  for (std::size_t i = 0; i < n; ++i) y[i] *= scale;
}

/// The largest x, and the logarithm of the sum of e^(x - largest): exact to the last bits also
/// where it is next to 0.  n >= 1 values.
struct LogSum {
  float largest, log_sum;
};
inline LogSum log_sum_exp(const float* x, std::size_t n) noexcept {
  const float* const largest = std::max_element(x, x + n);
  double others = 0;
  for (const float* v = x; v < x + n; ++v) {
    if (v != largest) others += static_cast<double>(fast_exp(*v - *largest));
  }
  return {*largest, static_cast<float>(std::log1p(others))};
}

}  // namespace hone
