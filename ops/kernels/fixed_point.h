#pragma once
/// Fixed-point arithmetic of the integer kernels, bit for bit that of LiteRT's reference kernels
/// (double rounding).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace hone {

/// `value` clamped to the range of T.
template <class T>
constexpr T saturate(std::int64_t value) noexcept {
  return static_cast<T>(std::clamp<std::int64_t>(value, std::numeric_limits<T>::min(),
                                                 std::numeric_limits<T>::max()));
}

/// To the nearest integer, halves away from zero, saturated to int32; NaN gives 0.
inline std::int32_t round_to_int32(double value) noexcept {
  if (!(value == value)) return 0;
  return static_cast<std::int32_t>(std::clamp(std::round(value), -2147483648.0, 2147483647.0));
}

/// (a * b + 2^30) >> 31: the high half of the doubled product, rounded, ties up (gemmlowp).
constexpr std::int32_t high_product(std::int32_t a, std::int32_t b) noexcept {
  constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
  if (a == lowest && b == lowest) return std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>((std::int64_t{a} * b + (std::int64_t{1} << 30)) >> 31);
}

/// x / 2^exponent to the nearest integer, halves away from zero; 0 <= exponent <= 31.
constexpr std::int32_t rounding_shift(std::int32_t x, int exponent) noexcept {
  const std::int64_t mask = (std::int64_t{1} << exponent) - 1;
  const std::int64_t remainder = x & mask;
  const std::int64_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<std::int32_t>((std::int64_t{x} >> exponent) + (remainder > threshold ? 1 : 0));
}

/// x * 2^exponent, wrapped to 32 bits.
constexpr std::int32_t wrapping_shift(std::int32_t x, int exponent) noexcept {
  return static_cast<std::int32_t>(exponent > 31 ? 0u : static_cast<std::uint32_t>(x) << exponent);
}

/// A real factor as multiplier * 2^(shift - 31), multiplier in [2^30, 2^31), or its negative.
/// quantization spec, section 2.
struct Rescale {
  std::int32_t multiplier = 0;
  std::int32_t shift = 0;

  /// x times the factor, rounded twice: after the product and after the right shift.
  constexpr std::int32_t operator()(std::int32_t x) const noexcept {
    const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    return rounding_shift(high_product(wrapping_shift(x, left), multiplier), right);
  }
  /// For 64-bit accumulators (|x| < 2^47, shift <= 7): the multiplier is cut to 16 bits, one
  /// rounding.  Beyond those bounds, which only a forged file reaches, the result wraps.
  constexpr std::int32_t wide(std::int64_t x) const noexcept {
    const std::int64_t m = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
    const int total = 15 - shift;
    const std::uint64_t product = static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(m);
    if (total < 1) return static_cast<std::int32_t>(product << -total);
    const std::uint64_t half = std::uint64_t{1} << (total - 1);
    return static_cast<std::int32_t>(static_cast<std::int64_t>(product + half) >> total);
  }
};

/// The factor nearest to `real`; below 2^-32 it is 0.  A factor of 2^31 or more saturates.
inline Rescale rescale(double real) noexcept {
  if (real == 0 || !std::isfinite(real)) return {};
  int shift = 0;
  const double fraction = std::frexp(real, &shift);
  auto fixed = static_cast<std::int64_t>(std::round(fraction * 2147483648.0));
  if (fixed == std::int64_t{1} << 31) {
    fixed /= 2;
    ++shift;
  }
  if (shift < -31) return {};
  if (shift > 30) return {std::numeric_limits<std::int32_t>::max(), 30};
  return {static_cast<std::int32_t>(fixed), shift};
}

}  // namespace hone
