#pragma once
/// Depthwise convolutions as direct loops over (N, H, W, C) images, for every element type.

#include <algorithm>
#include <cstdint>

#include "ops/kernels/product.h"
#include "ops/kernels/window.h"

namespace hone {

/// Images (batch, H, W, in), weights (taps, in * multiplier), outputs (batch, OH, OW, in *
/// multiplier); output c * multiplier + m is channel c under kernel m of it.
struct DepthwiseShape {
  Window2d window;
  std::int64_t batch = 0, in = 0, multiplier = 1;

  constexpr std::int64_t out() const noexcept { return in * multiplier; }
};

/// How many outputs are summed at a time.
inline constexpr std::int64_t depthwise_block = 32;

/// Sums of (x - zero) * (w - w_zero) in Sum: float, std::uint32_t (wraps as the format's int32
/// does) or std::int64_t.  Calls store(output pixel, first channel, sums, count) for each block of
/// channels; taps outside the image add nothing.
template <class Sum, class X, class W, class Store>
void direct_depthwise(const DepthwiseShape& s, const X* x, int zero, const W* w, int w_zero,
                      Store&& store) noexcept {
  for (std::int64_t n = 0; n < s.batch; ++n) {
    const X* image = x + n * s.window.inputs() * s.in;
    s.window.each_output([&](std::int64_t pixel, std::int64_t oy, std::int64_t ox) {
      for (std::int64_t o = 0; o < s.out(); o += depthwise_block) {
        const std::int64_t count = std::min(depthwise_block, s.out() - o);
        Sum sums[depthwise_block] = {};
        s.window.each_tap(oy, ox, [&](std::int64_t at, std::int64_t tap) {
          const X* from = image + at * s.in;
          const W* weights = w + tap * s.out() + o;
          const auto add = [&](std::int64_t j, X v) {
            sums[j] += less_zero<Sum>(v, zero) * less_zero<Sum>(weights[j], w_zero);
          };
          if (s.multiplier == 1) {
            for (std::int64_t j = 0; j < count; ++j) add(j, from[o + j]);
          } else {
            for (std::int64_t j = 0; j < count; ++j) add(j, from[(o + j) / s.multiplier]);
          }
        });
        store(n * s.window.outputs() + pixel, o, sums, count);
      }
    });
  }
}

/// Calls f(image offset, output offset, tap offset) for each output pixel and tap in its image;
/// offsets are those of the first channel.
template <class F>
void each_depthwise_tap(const DepthwiseShape& s, F&& f) noexcept {
  for (std::int64_t n = 0; n < s.batch; ++n) {
    s.window.each_output([&](std::int64_t pixel, std::int64_t oy, std::int64_t ox) {
      s.window.each_tap(oy, ox, [&](std::int64_t at, std::int64_t tap) {
        f((n * s.window.inputs() + at) * s.in, (n * s.window.outputs() + pixel) * s.out(),
          tap * s.out());
      });
    });
  }
}

/// gx += the gradient of the images; gy: (batch, OH, OW, in * multiplier).
inline void depthwise_input_grad(const DepthwiseShape& s, const float* gy, const float* w,
                                 float* gx) noexcept {
  each_depthwise_tap(s, [&](std::int64_t image, std::int64_t output, std::int64_t tap) {
    float* to = gx + image;
    const float *g = gy + output, *weights = w + tap;
    if (s.multiplier == 1) {
      for (std::int64_t c = 0; c < s.in; ++c) to[c] += g[c] * weights[c];
    } else {
      for (std::int64_t o = 0; o < s.out(); ++o) to[o / s.multiplier] += g[o] * weights[o];
    }
  });
}

/// gw += the gradient of the weights.
inline void depthwise_weight_grad(const DepthwiseShape& s, const float* gy, const float* x,
                                  float* gw) noexcept {
  each_depthwise_tap(s, [&](std::int64_t image, std::int64_t output, std::int64_t tap) {
    float* to = gw + tap;
    const float *g = gy + output, *from = x + image;
    if (s.multiplier == 1) {
      for (std::int64_t c = 0; c < s.in; ++c) to[c] += g[c] * from[c];
    } else {
      for (std::int64_t o = 0; o < s.out(); ++o) to[o] += g[o] * from[o / s.multiplier];
    }
  });
}

}  // namespace hone
