#include "optim/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "ops/kernels/kernels.h"
#include "ops/kernels/noise.h"
#include "ops/kernels/stretches.h"

namespace hone {
namespace {

std::int32_t zero_point(const TensorType& type, std::size_t channel) noexcept {
  return type.axis_zero_points ? (*type.axis_zero_points)[channel] : type.zero_point;
}

/// Calls f with a zero of the type in memory.
template <class F>
void with_integer(DType dtype, F&& f) {
  switch (dtype) {
    case DType::int2:
    case DType::int4:
    case DType::int8:
      return f(std::int8_t{});
    case DType::uint4:
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::int16:
      return f(std::int16_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::int64:
      return f(std::int64_t{});
    default:
      return;
  }
}

/// In [low, high]; NaN gives low.
double clamped(double x, double low, double high) noexcept {
  return x > low ? (x < high ? x : high) : low;
}

/// Halves away from zero: what std::round does, in a form that vectorizes.
double away(double x) noexcept { return x + std::copysign(0.49999999999999994, x); }

/// What holds every whole number of T's range on the way; narrow ones so that the loop vectorizes.
template <class T>
using Wide = std::conditional_t<(sizeof(T) < 4), std::int32_t, std::int64_t>;

/// Farther than any integer moves; still exact in double.
constexpr double farthest = 4503599627370496.0;

constexpr float half_highest = 65504.0f;

/// The float16 value just above (below) one.
Half next(Half h, bool up) noexcept {
  if ((h.bits & 0x7fffu) == 0) return {static_cast<std::uint16_t>(up ? 0x0001u : 0x8001u)};
  const bool grows = ((h.bits & 0x8000u) == 0) == up;
  return {static_cast<std::uint16_t>(grows ? h.bits + 1u : h.bits - 1u)};
}

Half saturated_half(float value) noexcept {
  return Half::round(value != value ? value : std::clamp(value, -half_highest, half_highest));
}

Half stochastic_half(float value, std::uint32_t bits) noexcept {
  const Half nearest = saturated_half(value);
  const auto at = static_cast<float>(nearest);
  if (at == value || value != value || std::abs(value) >= half_highest) return nearest;
  const Half other = next(nearest, value > at);
  const double low = std::min(at, static_cast<float>(other)),
               high = std::max(at, static_cast<float>(other));
  const bool up = static_cast<double>(bits) < (value - low) / (high - low) * 4294967296.0;
  return up == (at == static_cast<float>(high)) ? nearest : other;
}

}  // namespace

std::pair<std::int64_t, std::int64_t> weight_range(DType dtype) noexcept {
  if (dtype == DType::int64) {
    // what LiteRT's 64-bit accumulator can still requantize
    constexpr std::int64_t limit = (std::int64_t{1} << 47) - 1;
    return {-limit, limit};
  }
  const auto [low, high] = integer_range(dtype);
  return {low < 0 ? -high : low, high};
}

void round_nearest(const TensorType& type, std::byte* data, std::size_t begin,
                   std::span<const float> values) noexcept {
  if (type.dtype == DType::float32) {
    std::copy(values.begin(), values.end(), reinterpret_cast<float*>(data) + begin);
    return;
  }
  if (type.dtype == DType::float16) {
    std::transform(values.begin(), values.end(), reinterpret_cast<Half*>(data) + begin,
                   saturated_half);
    return;
  }
  const auto range = weight_range(type.dtype);
  if (type.dtype == DType::int8) {
    for_stretches(type, begin, values.size(), [&](const Stretch& s) {
      kernels().quantize({.count = static_cast<std::ptrdiff_t>(s.count),
                          .from = values.data() + s.first,
                          .scales = s.scales,
                          .zero_point = s.zero_point,
                          .lo = static_cast<std::int32_t>(range.first),
                          .hi = static_cast<std::int32_t>(range.second),
                          .to = reinterpret_cast<std::int8_t*>(data) + begin + s.first});
    });
    return;
  }
  const auto low = static_cast<double>(range.first), high = static_cast<double>(range.second);
  with_integer(type.dtype, [&](auto element) {
    using T = decltype(element);
    T* const q = reinterpret_cast<T*>(data) + begin;
    for_channels(type, begin, values.size(),
                 [&](std::size_t first, std::size_t count, std::size_t c) {
                   const double scale = type.scale_at(c), shift = zero_point(type, c);
                   for (std::size_t i = first; i < first + count; ++i) {
                     const double steps = std::trunc(away(values[i] / scale));
                     q[i] = static_cast<T>(clamped(steps + shift, low, high));
                   }
                 });
  });
}

void round_stochastic(const TensorType& type, std::byte* data, std::size_t begin,
                      std::span<const float> before, std::span<const float> after,
                      std::uint64_t key) noexcept {
  if (type.dtype == DType::float16) {
    Half* const h = reinterpret_cast<Half*>(data) + begin;
    for (std::size_t i = 0; i < after.size(); ++i)
      h[i] = stochastic_half(after[i], noise(key, static_cast<std::uint32_t>(begin + i)));
    return;
  }
  const auto range = weight_range(type.dtype);
  if (type.dtype == DType::int8) {
    for_stretches(type, begin, after.size(), [&](const Stretch& s) {
      kernels().round_stochastic({.count = static_cast<std::ptrdiff_t>(s.count),
                                  .before = before.data() + s.first,
                                  .after = after.data() + s.first,
                                  .scales = s.scales,
                                  .key = key,
                                  .first = begin + s.first,
                                  .lo = static_cast<std::int32_t>(range.first),
                                  .hi = static_cast<std::int32_t>(range.second),
                                  .q = reinterpret_cast<std::int8_t*>(data) + begin + s.first});
    });
    return;
  }
  with_integer(type.dtype, [&](auto element) {
    using T = decltype(element);
    T* const q = reinterpret_cast<T*>(data) + begin;
    for_channels(type, begin, after.size(),
                 [&](std::size_t first, std::size_t count, std::size_t c) {
                   const double scale = type.scale_at(c);
                   for (std::size_t i = first; i < first + count; ++i) {
                     const double change = (static_cast<double>(after[i]) - before[i]) / scale;
                     const std::int64_t moved =
                         stochastic(clamped(change, -farthest, farthest),
                                    noise(key, static_cast<std::uint32_t>(begin + i)));
                     q[i] = static_cast<T>(std::clamp(q[i] + moved, range.first, range.second));
                   }
                 });
  });
}

void read_real(const TensorType& type, const std::byte* data, std::size_t begin,
               std::span<float> values) noexcept {
  if (type.dtype == DType::float32) {
    const float* const w = reinterpret_cast<const float*>(data) + begin;
    std::copy(w, w + values.size(), values.begin());
    return;
  }
  if (type.dtype == DType::float16) {
    const Half* const h = reinterpret_cast<const Half*>(data) + begin;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(h[i]);
    return;
  }
  if (type.dtype == DType::int8) {
    for_stretches(type, begin, values.size(), [&](const Stretch& s) {
      kernels().dequantize({.count = static_cast<std::ptrdiff_t>(s.count),
                            .from = data + begin + s.first,
                            .zero_point = s.zero_point,
                            .scales = s.scales,
                            .to = values.data() + s.first});
    });
    return;
  }
  with_integer(type.dtype, [&](auto element) {
    const auto* const q = reinterpret_cast<const decltype(element)*>(data) + begin;
    for_channels(type, begin, values.size(),
                 [&](std::size_t first, std::size_t count, std::size_t c) {
                   const double scale = type.scale_at(c), shift = zero_point(type, c);
                   for (std::size_t i = first; i < first + count; ++i)
                     values[i] = static_cast<float>(scale * (static_cast<double>(q[i]) - shift));
                 });
  });
}

void rescale_integers(const TensorType& before, const TensorType& type, std::byte* data) noexcept {
  const auto range = weight_range(type.dtype);
  const auto low = static_cast<double>(range.first), high = static_cast<double>(range.second);
  with_integer(type.dtype, [&](auto element) {
    using T = decltype(element);
    T* const q = reinterpret_cast<T*>(data);
    for (std::size_t i = 0; i < type.numel(); ++i) {  // a bias: one element a channel
      const double ratio = static_cast<double>(before.scale_at(i)) / type.scale_at(i);
      q[i] =
          static_cast<T>(clamped(std::trunc(away(static_cast<double>(q[i]) * ratio)), low, high));
    }
  });
}

QuantParams fitted_scales(const TensorType& type, std::span<const float> values) {
  QuantParams params = type;
  const std::size_t channels = type.per_axis() ? type.axis_scales->size() : 1;
  std::vector<float> scales(channels, 0.0f);
  const auto [low, high] = weight_range(type.dtype);
  for_channels(type, 0, values.size(), [&](std::size_t first, std::size_t count, std::size_t c) {
    const float above = static_cast<float>(high - zero_point(type, c)),
                below = static_cast<float>(zero_point(type, c) - low);
    float largest = 0, smallest = 0;
    for (std::size_t i = first; i < first + count; ++i) {
      largest = std::max(largest, values[i]);
      smallest = std::min(smallest, values[i]);
    }
    // a zero point at an end of the range leaves that side nothing
    const float up = above > 0 ? largest / above : 0, down = below > 0 ? -smallest / below : 0;
    scales[c] = std::max({scales[c], up, down});
  });
  for (std::size_t c = 0; c < channels; ++c) {
    if (!(scales[c] >= std::numeric_limits<float>::min() && std::isfinite(scales[c])))
      scales[c] = type.scale_at(c);
  }
  if (type.per_axis())
    params.axis_scales = std::make_shared<const std::vector<float>>(std::move(scales));
  else
    params.scale = scales[0];
  return params;
}

}  // namespace hone
