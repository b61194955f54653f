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

  /// One row of n values.  The output is in units of 1 / 2^bits of Out, from its lowest value on.
  template <class In, class Out>
  void row(const In* x, Out* y, std::size_t n) const noexcept {
    constexpr int bits = 8 * sizeof(Out);
    In largest = x[0];
    for (std::size_t i = 1; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    std::int64_t sum = 0;  // Q12.19
    in_parts(x, n, largest, [&](const std::uint32_t* e, std::size_t, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) sum += (e[i] + 2048) >> 12;
    });
    const Reciprocal r = reciprocal(saturate<std::int32_t>(sum), 12);
    const int right = r.bits + 31 - bits;
    const auto factor = static_cast<std::uint32_t>(r.value);
    const std::uint32_t half = right > 0 && right <= 31 ? 1u << (right - 1) : 0;
    constexpr auto most = static_cast<std::uint32_t>((std::int64_t{1} << bits) - 1);
    in_parts(x, n, largest, [&](const std::uint32_t* e, std::size_t first, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        // high_product and rounding_shift of numbers that are not negative
        const auto p =
            static_cast<std::uint32_t>((std::uint64_t{factor} * e[i] + (1u << 30)) >> 31);
        // beyond 31 everything is below half a unit
        const std::uint32_t q = right > 31 ? 0 : (p + half) >> right;
        const std::uint32_t above = q < most ? q : most;
        y[first + i] = static_cast<Out>(static_cast<std::int32_t>(above) +
                                        std::int32_t{std::numeric_limits<Out>::min()});
      }
    });
  }

  /// Calls f(e, first, count) for parts of a row, whose exponentials are e[0] to e[count - 1].
  template <class In, class F>
  void in_parts(const In* x, std::size_t n, std::int32_t largest, const F& f) const noexcept {
    constexpr std::size_t part = 256;
    std::array<std::uint32_t, part> e;
    for (std::size_t first = 0; first < n; first += part) {
      const std::size_t count = std::min(part, n - first);
      for (std::size_t i = 0; i < count; ++i) {
        const auto d = static_cast<std::size_t>(largest - x[first + i]);
        e[i] = static_cast<std::uint32_t>(exponentials[d]);
      }
      f(e.data(), first, count);
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
