#pragma once
/// Counter-based random numbers: a number depends on its key and its position only, so integers are
/// the same on every machine, for every tiling and number of threads, and after a resume.
/// Static functions: kernels include this too (see table.h).

#include <stdint.h>

namespace hone {

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
/// generators").
static constexpr uint64_t mixed(uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static constexpr uint64_t noise_key(uint64_t seed, uint64_t step, uint64_t parameter) noexcept {
  return mixed(mixed(mixed(seed) ^ step) ^ parameter);
}

/// 32 uniform bits: the key before each of the two rounds of lowbias32 (Wellons 2018, "Prospecting
/// for hash functions").  Of one uint32_t or a vector of them, whose products machines have.
template <class Element>
static constexpr inline __attribute__((always_inline)) Element noise(uint64_t key,
                                                                     Element element) noexcept {
  Element x = element ^ static_cast<uint32_t>(key);
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x += static_cast<uint32_t>(key >> 32);
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

/// floor(x + u), u uniform in [0, 1): its mean is x, and whole numbers stay.  |x| <= 2^52.
static constexpr int64_t stochastic(double x, uint32_t bits) noexcept {
  int64_t whole = static_cast<int64_t>(x);
  if (static_cast<double>(whole) > x) --whole;
  const double part = x - static_cast<double>(whole);
  return whole + (static_cast<double>(bits) < part * 4294967296.0 ? 1 : 0);
}

}  // namespace hone
