#pragma once
/// Elements of a quantized tensor in stretches that one call of a kernel takes.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <hone/tensor.h>

#include "ops/kernels/table.h"

namespace hone {

/// Elements first .. first + count of those that were asked for, all with one zero point.
struct Stretch {
  std::size_t first, count;
  ElementScales scales;
  std::int32_t zero_point;
};

/// Elements of one channel that lie side by side.
inline std::size_t channel_run(const TensorType& type) noexcept {
  std::size_t inner = 1;
  for (std::size_t d = static_cast<std::size_t>(type.axis) + 1; d < type.shape.rank(); ++d)
    inner *= static_cast<std::size_t>(type.shape[d]);
  return inner;
}

/// Calls f(first, count, row) for the parts of [begin, begin + size) that each row of `length`
/// elements has.
template <class F>
void for_rows(std::size_t length, std::size_t begin, std::size_t size, F&& f) {
  for (std::size_t i = begin; i < begin + size;) {
    const std::size_t end = std::min((i / length + 1) * length, begin + size);
    f(i - begin, end - i, i / length);
    i = end;
  }
}

/// Calls f(first, count, channel) for stretches of one channel of [begin, begin + size).
template <class F>
void for_channels(const TensorType& type, std::size_t begin, std::size_t size, F&& f) {
  if (!type.per_axis()) return f(std::size_t{0}, size, std::size_t{0});
  for_rows(channel_run(type), begin, size,
           [&](std::size_t first, std::size_t count, std::size_t row) {
             f(first, count, row % type.axis_scales->size());
           });
}

/// Calls f(stretch) for all of [begin, begin + size).  Short channels are put together, each scale
/// written out, so that a kernel has whole vectors to work on.
template <class F>
void for_stretches(const TensorType& type, std::size_t begin, std::size_t size, F&& f) {
  if (type.per_axis() && !type.axis_zero_points && channel_run(type) == 1) {
    const float* scales = type.axis_scales->data();
    const std::size_t channels = type.axis_scales->size();
    for_rows(channels, begin, size, [&](std::size_t first, std::size_t count, std::size_t) {
      f(Stretch{first, count, {scales + (begin + first) % channels, 1}, type.zero_point});
    });
    return;
  }
  constexpr std::size_t most = 512;
  alignas(64) float scales[most];
  std::size_t waiting = 0;  // elements whose scales are written out
  const auto pass_on = [&](std::size_t end) {
    if (waiting != 0) f(Stretch{end - waiting, waiting, {scales, 1}, type.zero_point});
    waiting = 0;
  };
  for_channels(type, begin, size, [&](std::size_t first, std::size_t count, std::size_t channel) {
    const float* scale = type.per_axis() ? type.axis_scales->data() + channel : &type.scale;
    if (!type.per_axis() || type.axis_zero_points || count > most / 2) {
      pass_on(first);
      const auto& zeros = type.axis_zero_points;
      return f(Stretch{first, count, {scale, 0}, zeros ? (*zeros)[channel] : type.zero_point});
    }
    if (waiting + count > most) pass_on(first);
    std::fill_n(scales + waiting, count, *scale);
    waiting += count;
  });
  pass_on(size);
}

}  // namespace hone
