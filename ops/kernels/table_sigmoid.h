#pragma once
/// Sigmoid and hyperbolic tangent of int16, bit for bit those of the reference kernels: a table of
/// 256 values of the sigmoid, 1/24 apart, with straight lines between; quantization spec,
/// section 3.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace hone {

struct TableSigmoid {
  std::array<std::uint16_t, 256> values{};
  std::int32_t multiplier = 0;  // from units of the input to 1 / (3 * 4096)
  int shift = 0;

  static TableSigmoid of(float input_scale);

  /// In units of 2^-15.
  std::int16_t sigmoid(std::int16_t q) const noexcept {
    const std::int32_t v = rescaled(q), a = v < 0 ? -v : v;
    const std::int32_t r = interpolated(a, 9, 0x7FFF << 10);
    return static_cast<std::int16_t>((v >= 0 ? r + 512 : (1 << 25) - r + 511) >> 10);
  }
  /// In units of 2^-15.  tanh(x) = 2 sigmoid(2 x) - 1.
  std::int16_t tanh(std::int16_t q) const noexcept {
    const std::int32_t v = rescaled(q), a = v < 0 ? -v : v;
    const std::int32_t r = interpolated(a, 8, 0xFFFF << 8);
    return static_cast<std::int16_t>((v >= 0 ? r - (1 << 23) + 128 : -r + (1 << 23) + 127) >> 8);
  }

 private:
  std::int32_t rescaled(std::int16_t q) const noexcept {
    const std::int64_t half = shift > 0 ? std::int64_t{1} << (shift - 1) : 0;
    const std::int64_t v = (std::int64_t{q} * multiplier + half) >> shift;
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(v, -(1 << 20), 1 << 20));
  }
  std::int32_t interpolated(std::int32_t a, int bits, std::int32_t beyond) const noexcept {
    const std::int32_t h = a >> bits;
    if (h >= 255) return beyond;
    const auto i = static_cast<std::size_t>(h);
    return (values[i] << bits) + (a & ((1 << bits) - 1)) * (values[i + 1] - values[i]);
  }
};

inline TableSigmoid TableSigmoid::of(float input_scale) {
  // where the table of the format is one above the rounded value
  constexpr std::uint8_t one_above[] = {
      4,  8,  12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31,  33,  34,  35,  37, 39,
      40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135};
  TableSigmoid table;
  for (std::size_t i = 0; i < 255; ++i) {
    const double s = 1 / (1 + std::exp(-static_cast<double>(i) / 24));
    table.values[i] = static_cast<std::uint16_t>(std::round(65536 * s));
  }
  for (const std::uint8_t i : one_above) ++table.values[i];
  table.values[255] = 65535;

  const float log2 = std::log2(input_scale);
  const float exponent = std::round(log2);
  if (std::abs(log2 - exponent) < 1e-3f && (exponent == -12 || exponent == -11)) {
    table.multiplier = exponent == -12 ? 3 : 6;
    return table;
  }
  double factor = static_cast<double>(input_scale) * 4096 * 3;
  while (factor <= 32767.0 / 2 && table.shift <= 30) {
    factor *= 2;
    ++table.shift;
  }
  table.multiplier = static_cast<std::int32_t>(std::min(factor, 2147483647.0));
  return table;
}

}  // namespace hone
