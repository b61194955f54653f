#pragma once
/// Sliding windows: convolutions and pools.

#include <algorithm>
#include <cstdint>

#include "ops/kernels/table.h"

namespace hone {

/// A range of window taps, `last` excluded.
struct Taps {
  std::int64_t first, last;
};

/// One spatial axis of a sliding window.  Output i looks at inputs i * stride - before + t *
/// dilation for the taps t in [0, size); what falls outside the image is left out.
struct WindowAxis {
  std::int64_t input = 0, output = 0;
  std::int64_t size = 1, stride = 1, dilation = 1;
  std::int64_t before = 0;  ///< padding in front of the image

  constexpr std::int64_t at(std::int64_t i, std::int64_t tap) const noexcept {
    return i * stride - before + tap * dilation;
  }
  /// The taps of output i that lie in the image.
  constexpr Taps taps(std::int64_t i) const noexcept {
    const std::int64_t start = at(i, 0);
    const std::int64_t first = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
    const std::int64_t last = input > start ? (input - start + dilation - 1) / dilation : 0;
    return {std::min(first, size), std::clamp(last, std::min(first, size), size)};
  }
};

/// The axis of a window of `size` taps over `input` elements, all numbers positive.
/// same: output = ceil(input / stride), padding shared, the odd element behind the image;
/// else no padding, output = ceil((input - reach + 1) / stride), at least 0, where reach is what
/// the dilated window spans.
constexpr WindowAxis window_axis(std::int64_t input, std::int64_t size, std::int64_t stride,
                                 std::int64_t dilation, bool same) noexcept {
  const std::int64_t reach = (size - 1) * dilation + 1;
  WindowAxis w{input, 0, size, stride, dilation, 0};
  w.output = std::max<std::int64_t>(0, ((same ? input : input - reach + 1) + stride - 1) / stride);
  if (same && w.output > 0) {
    w.before = std::max<std::int64_t>((w.output - 1) * stride + reach - input, 0) / 2;
  }
  return w;
}

/// The two axes of a window over (N, H, W, C) images.
struct Window2d {
  WindowAxis y, x;

  constexpr std::int64_t inputs() const noexcept { return y.input * x.input; }
  constexpr std::int64_t outputs() const noexcept { return y.output * x.output; }
  constexpr std::int64_t taps() const noexcept { return y.size * x.size; }

  /// Calls f(input pixel, tap) for each tap of output (oy, ox) that lies in the image, in memory
  /// order.
  template <class F>
  void each_tap(std::int64_t oy, std::int64_t ox, F&& f) const {
    const Taps rows = y.taps(oy), columns = x.taps(ox);
    for (std::int64_t ky = rows.first; ky < rows.last; ++ky) {
      const std::int64_t row = y.at(oy, ky) * x.input;
      for (std::int64_t kx = columns.first; kx < columns.last; ++kx) {
        f(row + x.at(ox, kx), ky * x.size + kx);
      }
    }
  }
  /// Calls f(output pixel, oy, ox) for each output.
  template <class F>
  void each_output(F&& f) const {
    for (std::int64_t oy = 0; oy < y.output; ++oy) {
      for (std::int64_t ox = 0; ox < x.output; ++ox) f(oy * x.output + ox, oy, ox);
    }
  }
};

/// The same for kernels: one image of c dense channels, o in the output.
constexpr Conv conv_of(const Window2d& w, std::int64_t c, std::int64_t o) noexcept {
  return {.h = w.y.input,
          .w = w.x.input,
          .c = c,
          .oh = w.y.output,
          .ow = w.x.output,
          .o = o,
          .kh = w.y.size,
          .kw = w.x.size,
          .stride_h = w.y.stride,
          .stride_w = w.x.stride,
          .dilation_h = w.y.dilation,
          .dilation_w = w.x.dilation,
          .pad_top = w.y.before,
          .pad_left = w.x.before,
          .x_pixel = c,
          .y_pixel = o};
}

}  // namespace hone
