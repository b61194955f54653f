#pragma once
/// RELU and its like: the identity between two limits.

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "ops/elementwise.h"
#include "ops/op.h"

namespace hone::ops {

/// y = x within the range of `limits`.  x: any shape; y: the shape of x.  The gradient is that of
/// the identity: autograd masks what sits at a limit, as with a fused activation.
template <Activation limits>
struct Rectifier {
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr bool passes = true;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {
    Activation activation = limits;
  };

  struct Rescaled {
    Rescale scale;  // sx / sy
    std::int32_t zx = 0, zy = 0;
    std::int32_t low = 0, high = 0;
    std::int32_t operator()(std::int32_t q) const noexcept {
      const std::int32_t y = scale(q - zx) + zy;
      return y < low ? low : y > high ? high : y;
    }
  };
  using Plan = Points<Rescaled>;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    call.require_symmetric_int16();
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    Rescaled f{.scale = rescale(x.scale / y.scale), .zx = x.zero_point, .zy = y.zero_point};
    std::tie(f.low, f.high) = quantized_range(limits, y);
    return points_of(call, f);
  }

  template <class T>
  static void forward(const Attributes&, const Plan& points, const Forward& f) {
    map<T>(f, points, Clamp<float>(limits));
  }
};

}  // namespace hone::ops
