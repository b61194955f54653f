#pragma once
/// The logarithm of the sum of exponentials of one row of floats.

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ops/kernels/float_exp.h"

namespace hone {

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
