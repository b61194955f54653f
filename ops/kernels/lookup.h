#pragma once
/// Functions of one 8-bit or 16-bit integer as tables; quantization spec, section 3.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "ops/kernels/fixed_point.h"

namespace hone {

/// One entry for each 8-bit integer, by its bits.
struct ByteTable {
  std::array<std::uint8_t, 256> bits{};

  template <class T>
  T operator()(T q) const noexcept {
    return std::bit_cast<T>(bits[std::bit_cast<std::uint8_t>(q)]);
  }
};

/// The table of f(q), saturated to [low, low + 255], for q from low on: -128 for int8, 0 for uint8.
template <class F>
ByteTable byte_table(std::int32_t low, const F& f) {
  ByteTable table;
  for (std::int32_t q = low; q < low + 256; ++q) {
    const std::int64_t y = std::clamp<std::int64_t>(f(q), low, low + 255);
    table.bits[static_cast<std::uint8_t>(q)] = static_cast<std::uint8_t>(y);
  }
  return table;
}

/// 512 pieces of a function of an int16, interpolated.
struct WordTable {
  std::array<std::int16_t, 513> values{};

  std::int16_t operator()(std::int16_t q) const noexcept {
    const auto i = static_cast<std::size_t>(256 + (q >> 7));
    const std::int32_t base = values[i], slope = values[i + 1] - base;
    return static_cast<std::int16_t>(base + ((slope * (q & 127) + 64) >> 7));
  }
};

/// The table of f, a function of reals, computed in Real (float or double: part of bit-exactness).
/// Each entry is moved by half of what interpolation would miss in the middle of its piece.
template <class Real, class F>
WordTable word_table(Real sx, std::int32_t zx, Real sy, std::int32_t zy, const F& f) {
  const auto real = [](Real scale, std::int32_t q) { return scale * static_cast<Real>(q); };
  const Real x_low = real(sx, -32768 - zx), x_high = real(sx, 32767 - zx);
  const Real y_low = real(sy, -32768 - zy), y_high = real(sy, 32767 - zy);
  const Real step = (x_high - x_low) / 512, half_step = step / 2;
  const Real per_y = Real{65536} / (y_high - y_low);
  // NaN, outside the domain of f, becomes the highest value
  const auto entry = [](Real v) {
    return static_cast<std::int16_t>(v < Real{32767} ? std::max(v, Real{-32768}) : Real{32767});
  };
  WordTable table;
  for (int i = 0; i < 512; ++i) {
    const Real x = x_low + static_cast<Real>(i) * step;
    const Real next = f(x_low + static_cast<Real>(i + 1) * step) * per_y;
    const Real here = std::round(f(x) * per_y);
    const Real middle = std::round(f(x + half_step) * per_y);
    const Real missed = std::round((next + here) / 2) - middle;
    table.values[static_cast<std::size_t>(i)] = entry(here - std::round(missed / 2));
  }
  table.values[512] = entry(std::round(f(x_high) * per_y));
  return table;
}

}  // namespace hone
