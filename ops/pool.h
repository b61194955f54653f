#pragma once
/// What the two pools share.

#include <cmath>
#include <tuple>

#include <hone/functions.h>

#include "ops/window_options.h"

namespace hone::ops {

/// (batch, H, W, channels) -> (batch, OH, OW, channels)
struct PoolShape {
  Window2d window;
  std::int64_t batch = 0, channels = 0;

  /// Calls f(offset of the image, offset of the output pixel, each_tap) for each output pixel;
  /// each_tap(g) calls g(input pixel) for the taps in the image, in memory order.
  template <class F>
  void each_output(F&& f) const {
    for (std::int64_t n = 0; n < batch; ++n) {
      window.each_output([&](std::int64_t pixel, std::int64_t oy, std::int64_t ox) {
        f(n * window.inputs() * channels, (n * window.outputs() + pixel) * channels, [&](auto&& g) {
          window.each_tap(oy, ox, [&](std::int64_t at, std::int64_t) { g(at); });
        });
      });
    }
  }
};

struct Pool {
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr bool accumulates = true;

  using Attributes = PoolOptions;

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::Pool2DOptions>();
    return {.filter_h = o.filter_height(),
            .filter_w = o.filter_width(),
            .stride_h = o.stride_h(),
            .stride_w = o.stride_w(),
            .padding = padding(o.padding()),
            .activation = fused_activation(o.fused_activation_function())};
  }

  static PoolShape shape(const Attributes& a, const Call& call) {
    call.require_rank(0, 4, 4);
    const Shape& x = call.inputs[0].shape;
    return {{checked_axis(call, "height", x[1], a.filter_h, a.stride_h, 1, a.padding),
             checked_axis(call, "width", x[2], a.filter_w, a.stride_w, 1, a.padding)},
            x[0],
            x[3]};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const PoolShape s = shape(a, call);
    const TensorType& x = call.inputs[0];
    return {x.dtype, {s.batch, s.window.y.output, s.window.x.output, s.channels}, x};
  }

  static void check_scales(const Call& call) {
    if (!is_integer(call.inputs[0].dtype)) return;
    if (!call.quantized() || call.inputs[0].per_axis()) {
      call.refuse("expected an input with one scale, got ", call.inputs[0]);
    }
    call.require_symmetric_int16();
    call.require_same_quantization();
  }
};

}  // namespace hone::ops
