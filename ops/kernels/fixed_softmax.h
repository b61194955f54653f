#pragma once
/// Softmax of integers, bit for bit that of the reference kernels; quantization spec, section 3.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "ops/kernels/fixed_exp.h"
#include "ops/kernels/lookup.h"
#include "ops/kernels/table.h"

namespace hone {

/// 8-bit logits, in fixed point.
struct ByteSoftmax {
  /// e^-d in Q0.31 for a logit d units below the largest one.
  std::array<std::int32_t, 256> exponentials{};

  /// `scale`: what one unit of the logits is worth, above 2^-26.
  static ByteSoftmax of(double scale) noexcept {
    const Rescale factor = rescale(std::min(scale * (1 << 26), 2147483647.0));
    // what is further below than 31 does not fit Q5.26
    const auto most = static_cast<std::int64_t>(std::floor(std::ldexp(31.0, 26 - factor.shift)));
    ByteSoftmax softmax;
    for (std::int32_t d = 0; d < 256 && d <= most; ++d) {
      const std::int32_t x = high_product(wrapping_shift(-d, factor.shift), factor.multiplier);
      softmax.exponentials[static_cast<std::size_t>(d)] = exp_negative(x);
    }
    return softmax;
  }

  /// The share of an exponential in a sum of them in Q12.19, in units of 2^-bits.
  template <int bits>
  static ByteShare share(std::int64_t sum) noexcept {
    const Reciprocal r = reciprocal(saturate<std::int32_t>(sum), 12);
    const int right = r.bits + 31 - bits;
    // beyond 31 everything is below half a unit
    return right > 31 ? ByteShare{} : ByteShare{r.value, right};
  }

  /// One row of n values.  The output is in units of 2^-16, from the lowest value on.
  template <class In>
  void row(const In* x, std::int16_t* y, std::size_t n) const noexcept {
    const std::int32_t largest = *std::max_element(x, x + n);
    const auto exponential = [&](std::size_t i) {
      return exponentials[static_cast<std::size_t>(largest - x[i])];
    };
    std::int64_t sum = 0;  // Q12.19
    for (std::size_t i = 0; i < n; ++i) sum += rounding_shift(exponential(i), 12);
    const ByteShare s = share<16>(sum);
    for (std::size_t i = 0; i < n; ++i) {
      const std::int32_t q = rounding_shift(high_product(s.factor, exponential(i)), s.right);
      y[i] = saturate<std::int16_t>(std::int64_t{q} - 32768);
    }
  }
};

/// 16-bit logits, by tables.
struct WordSoftmax {
  Rescale factor;         // from units of the logits to 10 / 65535
  WordTable exponential;  // e^x for x in [-10, 0]
  WordTable inverse;      // 1 / (1 + x) for x in [0, 1]

  /// `scale`: what one unit of the logits is worth.
  static WordSoftmax of(float scale) {
    return {rescale(static_cast<double>(scale) / (10.0 / 65535.0)),
            word_table<double>(10.0 / 65535, 32767, 2.0 / 65535, 0,
                               [](double v) { return std::exp(v); }),
            word_table<double>(1.0 / 65535, -32768, 2.0 / 65535, 0,
                               [](double v) { return 1 / (1 + v); })};
  }

  /// One row of n values.  The output is in units of 2^-15.
  void row(const std::int16_t* x, std::int16_t* y, std::size_t n) const noexcept {
    const std::int32_t largest = *std::max_element(x, x + n);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = exponential(saturate<std::int16_t>(std::int64_t{factor(x[i] - largest)} + 32767));
      total += y[i];
    }
    const auto sum = std::max(saturate<std::int32_t>(total), 1);
    const int headroom = std::countl_zero(static_cast<std::uint32_t>(sum));
    // the sum as 1 + x, x in [0, 1) in 16 bits, moved to where the table begins
    const auto shifted =
        static_cast<std::int32_t>(((std::int64_t{sum} << (headroom - 1)) + (1 << 13)) >> 14);
    const std::int64_t r = inverse(saturate<std::int16_t>(std::int64_t{shifted} - 98304));
    const int right = 31 - headroom;
    const std::int64_t half = right > 0 ? std::int64_t{1} << (right - 1) : 0;
    for (std::size_t i = 0; i < n; ++i) {
      y[i] =
          static_cast<std::int16_t>(std::clamp<std::int64_t>((y[i] * r + half) >> right, 0, 32767));
    }
  }
};

}  // namespace hone
