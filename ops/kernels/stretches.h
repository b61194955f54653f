#pragma once
/// Elements of a quantized tensor in stretches that one call of a kernel takes.

#include <algorithm>
#include <cstddef>

#include <hone/tensor.h>

#include "ops/kernels/table.h"

namespace hone {

/// Elements first .. first + count of those that were asked for, with one scale (and zero point),
/// that of `channel`, or with one for each element, those of the channels from `channel` on.
struct Stretch {
  std::size_t first, count, channel;
  bool each = false;
};

/// Calls f(stretch) for all of the elements [begin, begin + size).
template <class F>
void for_stretches(const TensorType& type, std::size_t begin, std::size_t size, F&& f) {
  if (!type.per_axis()) {
    f(Stretch{0, size, 0});
    return;
  }
  std::size_t inner = 1;
  for (std::size_t d = static_cast<std::size_t>(type.axis) + 1; d < type.shape.rank(); ++d)
    inner *= static_cast<std::size_t>(type.shape[d]);
  const std::size_t channels = type.axis_scales->size();
  const bool each = inner == 1 && !type.axis_zero_points;
  const std::size_t row = each ? channels : inner;
  for (std::size_t i = begin; i < begin + size;) {
    const std::size_t end = std::min((i / row + 1) * row, begin + size);
    f(Stretch{i - begin, end - i, each ? i % channels : i / inner % channels, each});
    i = end;
  }
}

inline ElementScales scales_of(const TensorType& type, const Stretch& s) noexcept {
  return {type.per_axis() ? type.axis_scales->data() + s.channel : &type.scale, s.each ? 1 : 0};
}

inline std::int32_t zero_point_of(const TensorType& type, const Stretch& s) noexcept {
  return type.axis_zero_points ? (*type.axis_zero_points)[s.channel] : type.zero_point;
}

}  // namespace hone
