#include "ops/op.h"

#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = x where x > 0, alpha * x elsewhere.  x: any shape; y: the shape of x.
struct LeakyRelu {
  static constexpr std::string_view name = "LEAKY_RELU";
  static constexpr int code = tflite::BuiltinOperator_LEAKY_RELU;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Slots overwrites = Slots::of({0});

  // x, not y: in int8 a small negative x rounds to y = 0 and its sign would be lost.
  static constexpr Saves saves = Saves::inputs;

  struct Attributes {
    float alpha = 0.2f;
  };

  struct Slopes {
    // sx / sy and |sx * alpha / sy|; the order and the sign outside are part of bit-exactness
    Rescale above, below;
    bool falls = false;  // alpha < 0
    std::int32_t zx = 0, zy = 0;
    std::int32_t operator()(std::int32_t q) const noexcept {
      const std::int32_t v = q - zx;
      return zy + (v >= 0 ? above(v) : falls ? -below(v) : below(v));
    }
  };
  using Plan = Points<Slopes>;

  static Attributes parse(const Options& options) {
    return {.alpha = options.as<tflite::LeakyReluOptions>().alpha()};
  }

  static TensorType infer(const Attributes& o, const Call& call) {
    if (!std::isfinite(o.alpha)) call.refuse("expected a finite alpha, got ", o.alpha);
    return call.inputs[0];
  }

  static Plan prepare(const Attributes& o, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    call.require_symmetric_int16();
    const float sx = call.inputs[0].scale, sy = call.outputs[0].scale;
    return points_of(call, Slopes{.above = rescale(sx / sy),
                                  .below = rescale(std::abs(sx * o.alpha / sy)),
                                  .falls = o.alpha < 0,
                                  .zx = call.inputs[0].zero_point,
                                  .zy = call.outputs[0].zero_point});
  }

  template <class T>
  static void forward(const Attributes& o, const Plan& points, const Forward& f) {
    map<T>(f, points, [alpha = o.alpha](float x) { return x > 0 ? x : alpha * x; });
  }

  static void backward(const Attributes& o, const Plan&, const Backward& b) {
    chain(b, [alpha = o.alpha](float x) { return x > 0 ? 1.0f : alpha; });
  }
};

}  // namespace

extern constinit const OpDef leaky_relu = define<LeakyRelu>();

}  // namespace hone::ops

namespace hone {

Variable leaky_relu(const Variable& x, float alpha) {
  return apply_one(ops::leaky_relu, ops::LeakyRelu::Attributes{alpha}, {x});
}

}  // namespace hone
