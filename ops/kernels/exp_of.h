#pragma once
/// The exponential without branches, of a float or of every lane of a vector of floats.

#include <stdint.h>

namespace hone {

/// The value of one type whose bits are those of x.
template <class To, class From>
__attribute__((always_inline)) inline To same_bits(From x) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &x, sizeof to);
  return to;
}

/// e^x within 1 unit in the last place; 0 and infinity beyond the range of float; NaN for NaN.
/// F: float or a vector of floats; I: as many 32-bit integers.
template <class F, class I>
__attribute__((always_inline)) inline F exp_of(F x) noexcept {
  // x = n log(2) + r with |r| <= log(2) / 2.  Adding 1.5 * 2^23 rounds to an integer, which then
  // stands in the low bits; log(2) is split so that n times its first part is exact.
  constexpr float round = 12582912.0f, log2_e = 1.44269502f;
  constexpr int32_t round_bits = 0x4B400000;
  constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  const F least = F{} - 110.0f, most = F{} + 90.0f;
  x = x < least ? least : x;
  x = x > most ? most : x;
  const F shifted = x * log2_e + round;
  const F n = shifted - round;
  const F r = (x - n * ln2_high) - n * ln2_low;
  // (e^r - 1 - r) / r^2, least error relative to e^r (0.05 units): a fit of our own
  F p = F{} + 0x1.6a2434p-10f;
  p = p * r + 0x1.1239e2p-7f;
  p = p * r + 0x1.5558f2p-5f;
  p = p * r + 0x1.555492p-3f;
  p = p * r + 0x1.fffffcp-2f;
  const F y = (p * (r * r) + r) + 1.0f;
  // 2^n as two factors, as neither 2^128 nor 2^-150 is a normal number
  const I i = same_bits<I>(shifted) - round_bits;
  const I half = i >> 1, rest = i - half;
  return y * same_bits<F>(I((half + 127) << 23)) * same_bits<F>(I((rest + 127) << 23));
}

}  // namespace hone
