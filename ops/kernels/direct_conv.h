#pragma once
/// Convolutions as direct loops over (N, H, W, C) images, for every element type.

#include <algorithm>
#include <cstdint>

#include "ops/kernels/product.h"
#include "ops/kernels/window.h"

namespace hone {

/// Images (batch, H, W, in), weights (out, KH, KW, in / groups), outputs (batch, OH, OW, out).
struct ConvShape {
  Window2d window;
  std::int64_t batch = 0, in = 0, out = 0, groups = 1;

  constexpr std::int64_t group_in() const noexcept { return in / groups; }
  constexpr std::int64_t group_out() const noexcept { return out / groups; }
  constexpr std::int64_t weights() const noexcept { return out * window.taps() * group_in(); }
};

/// Weights (out, taps, in / groups) minus `zero` as (groups, taps, in / groups, out / groups): the
/// outputs innermost, where direct_conv wants them.
template <class From, class To>
void pack_conv_weights(const ConvShape& s, const From* w, std::int32_t zero, To* packed) noexcept {
  const std::int64_t inner = s.window.taps() * s.group_in();
  for (std::int64_t g = 0; g < s.groups; ++g) {
    for (std::int64_t o = 0; o < s.group_out(); ++o) {
      const From* from = w + (g * s.group_out() + o) * inner;
      To* to = packed + g * s.group_out() * inner + o;
      for (std::int64_t i = 0; i < inner; ++i) {
        to[i * s.group_out()] = less_zero<To>(from[i], zero);
      }
    }
  }
}

/// How many outputs are summed at a time, in registers.
inline constexpr std::int64_t conv_block = 32;

/// Sums of (x - zero) * w in Sum: float, std::uint32_t (wraps as the format's int32 does) or
/// std::int64_t.  `packed` comes from pack_conv_weights.  Calls store(output pixel, first channel,
/// sums, count) for each block of at most conv_block channels; taps outside the image add nothing.
template <class Sum, class X, class W, class Store>
void direct_conv(const ConvShape& s, const X* x, std::int32_t zero, const W* packed,
                 Store&& store) noexcept {
  const std::int64_t gi = s.group_in(), go = s.group_out(), taps = s.window.taps();
  for (std::int64_t n = 0; n < s.batch; ++n) {
    const X* image = x + n * s.window.inputs() * s.in;
    s.window.each_output([&](std::int64_t pixel, std::int64_t oy, std::int64_t ox) {
      for (std::int64_t o = 0; o < s.out; o += std::min(conv_block, go - o % go)) {
        const std::int64_t g = o / go, count = std::min(conv_block, go - o % go);
        const W* weights = packed + g * go * taps * gi + o % go;
        Sum sums[conv_block] = {};
        const auto add = [&](std::int64_t length, std::int64_t at, std::int64_t tap) {
          const X* from = image + at * s.in + g * gi;
          for (std::int64_t i = 0; i < gi; ++i) {
            const Sum v = less_zero<Sum>(from[i], zero);
            const W* w = weights + (tap * gi + i) * go;
            for (std::int64_t j = 0; j < length; ++j) sums[j] += v * static_cast<Sum>(w[j]);
          }
        };
        // the whole block has a constant length, so that its loop is unrolled
        s.window.each_tap(oy, ox, [&](std::int64_t at, std::int64_t tap) {
          count == conv_block ? add(conv_block, at, tap) : add(count, at, tap);
        });
        store(n * s.window.outputs() + pixel, o, sums, count);
      }
    });
  }
}

/// gx += the gradient of the images; gy: (batch, OH, OW, out), w in its natural layout.
inline void conv_input_grad(const ConvShape& s, const float* gy, const float* w,
                            float* gx) noexcept {
  const std::int64_t gi = s.group_in(), go = s.group_out(), row = s.window.taps() * gi;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    float* image = gx + n * s.window.inputs() * s.in;
    s.window.each_output([&](std::int64_t pixel, std::int64_t oy, std::int64_t ox) {
      const float* g = gy + (n * s.window.outputs() + pixel) * s.out;
      s.window.each_tap(oy, ox, [&](std::int64_t at, std::int64_t tap) {
        for (std::int64_t o = 0; o < s.out; ++o) {
          float* to = image + at * s.in + o / go * gi;
          const float* from = w + o * row + tap * gi;
          for (std::int64_t i = 0; i < gi; ++i) to[i] += g[o] * from[i];
        }
      });
    });
  }
}

/// gw += the gradient of the weights, in their natural layout.
inline void conv_weight_grad(const ConvShape& s, const float* gy, const float* x,
                             float* gw) noexcept {
  const std::int64_t gi = s.group_in(), go = s.group_out(), row = s.window.taps() * gi;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    const float* image = x + n * s.window.inputs() * s.in;
    s.window.each_output([&](std::int64_t pixel, std::int64_t oy, std::int64_t ox) {
      const float* g = gy + (n * s.window.outputs() + pixel) * s.out;
      s.window.each_tap(oy, ox, [&](std::int64_t at, std::int64_t tap) {
        for (std::int64_t o = 0; o < s.out; ++o) {
          const float* from = image + at * s.in + o / go * gi;
          float* to = gw + o * row + tap * gi;
          for (std::int64_t i = 0; i < gi; ++i) to[i] += g[o] * from[i];
        }
      });
    });
  }
}

}  // namespace hone
