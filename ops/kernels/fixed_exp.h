#pragma once
/// Functions in fixed point, bit for bit those of the reference kernels (gemmlowp); quantization
/// spec, section 3.  Qm.n below: a signed 32-bit number with m integer bits and n fraction bits.

#include <bit>
#include <cstdint>
#include <limits>

#include "ops/kernels/fixed_point.h"

namespace hone {

/// x * 2^exponent, saturated; 0 <= exponent <= 31.
constexpr std::int32_t saturating_shift(std::int32_t x, int exponent) noexcept {
  return saturate<std::int32_t>(std::int64_t{x} * (std::int64_t{1} << exponent));
}

/// a + b modulo 2^32.
constexpr std::int32_t wrapping_add(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// exp(a) in Q0.31 for a in [-1/4, 0) in Q0.31: Taylor's polynomial of degree 4 around -1/8.
constexpr std::int32_t exp_quarter(std::int32_t a) noexcept {
  constexpr std::int32_t exp_eighth = 1895147668, third = 715827883;  // exp(-1/8), 1/3
  const std::int32_t x = a + (1 << 28);
  const std::int32_t x2 = high_product(x, x);
  const std::int32_t x3 = high_product(x2, x), x4 = high_product(x2, x2);
  // ((x^4 / 4 + x^3) / 3 + x^2) / 2
  const std::int32_t tail = rounding_shift(high_product(rounding_shift(x4, 2) + x3, third) + x2, 1);
  return wrapping_add(exp_eighth, high_product(exp_eighth, wrapping_add(x, tail)));
}

/// exp(a) in Q0.31 for a <= 0 in Q5.26.
constexpr std::int32_t exp_negative(std::int32_t a) noexcept {
  constexpr int fraction_bits = 26;
  // exp(-2^k) for k = -2 .. 4
  constexpr std::int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
  if (a == 0) return std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t quarter = 1 << (fraction_bits - 2);
  const std::int32_t part = (a & (quarter - 1)) - quarter;  // in [-1/4, 0)
  std::int32_t y = exp_quarter(saturating_shift(part, 5));
  const std::int32_t remainder = part - a;
  for (int k = 0; k < 7; ++k) {
    if (remainder & (1 << (fraction_bits - 2 + k))) y = high_product(y, powers[k]);
  }
  return y;
}

/// 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31, by three steps of Newton's method.
constexpr std::int32_t one_over_one_plus(std::int32_t a) noexcept {
  constexpr std::int32_t c48_17 = 1515870810, c32_17 = -1010580540;  // in Q2.29
  const auto half = static_cast<std::int32_t>(
      (std::int64_t{a} + std::numeric_limits<std::int32_t>::max() + 1) / 2);
  std::int32_t x = wrapping_add(c48_17, high_product(half, c32_17));
  for (int i = 0; i < 3; ++i) {
    const std::int32_t error = (1 << 29) - high_product(half, x);
    x = wrapping_add(x, saturating_shift(high_product(x, error), 2));
  }
  return saturating_shift(x, 1);
}

/// 1 / x = value * 2^-(31 + bits), with x in Qm.(31 - m) and bits = m - clz(x).
struct Reciprocal {
  std::int32_t value;
  int bits;
};

/// The reciprocal of x > 0, which has `integer_bits` integer bits.
constexpr Reciprocal reciprocal(std::int32_t x, int integer_bits) noexcept {
  const auto u = static_cast<std::uint32_t>(x);
  const int headroom = std::countl_zero(u);
  const auto minus_one = static_cast<std::int32_t>((u << headroom) - (std::uint32_t{1} << 31));
  return {one_over_one_plus(minus_one), integer_bits - headroom};
}

/// 1 / sqrt(x) as multiplier * 2^(shift - 31) for an integer x; 1 for x <= 1.
constexpr Rescale inverse_sqrt(std::int32_t x) noexcept {
  constexpr std::int32_t half_three = (1 << 28) + (1 << 27);  // 3/2 in Q3.28
  constexpr std::int32_t half_sqrt_2 = 1518500250;            // Q0.31
  if (x <= 1) return {std::numeric_limits<std::int32_t>::max(), 0};
  int shift = 11;
  while (x >= 1 << 29) {
    x /= 4;
    ++shift;
  }
  const int left_bits = std::countl_zero(static_cast<std::uint32_t>(x)) - 1;
  const int pairs = left_bits / 2 - 1;
  shift -= pairs;
  x <<= 2 * pairs;
  const std::int32_t half = rounding_shift(x >> 1, 1);  // of x >> 1 in Q3.28
  std::int32_t y = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const std::int32_t square = high_product(y, y);                          // Q6.25
    const std::int32_t cube = saturating_shift(high_product(square, y), 6);  // Q9.22 to Q3.28
    y = saturating_shift(high_product(half_three, y) - high_product(half, cube), 3);
  }
  y = high_product(y, half_sqrt_2);
  if (shift < 0) {
    y = wrapping_shift(y, -shift);
    shift = 0;
  }
  return {y, -shift};
}

}  // namespace hone
