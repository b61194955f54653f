#include "ops/op.h"

#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = the square root of x.  x: any shape; y: the shape of x.  Integers are cut, not rounded.
struct Sqrt {
  static constexpr std::string_view name = "SQRT";
  static constexpr int code = tflite::BuiltinOperator_SQRT;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};

  struct Root {
    float sx = 0, sy = 1;
    std::int32_t zx = 0, zy = 0;
    std::int32_t operator()(std::int32_t q) const noexcept {
      const float root = std::trunc(std::sqrt(sx * static_cast<float>(q - zx)) / sy);
      return saturate<std::int16_t>(round_to_int32(static_cast<double>(root))) + zy;
    }
  };
  using Plan = Points<Root>;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    return points_of(call, Root{x.scale, y.scale, x.zero_point, y.zero_point});
  }

  /// Integers have no NaN.
  static void check(const Attributes&, const Call& call) { require_not_negative(call); }

  template <class T>
  static void forward(const Attributes&, const Plan& points, const Forward& f) {
    map<T>(f, points, [](float x) { return std::sqrt(x); });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    // an integer 0 stands for all that rounds to it: no slope instead of an infinite one
    const bool clamps = b.type_in(0).quantized();
    chain(b, [=](float x) { return clamps && x <= 0 ? 0.0f : 0.5f / std::sqrt(x); });
  }
};

}  // namespace

extern constinit const OpDef sqrt = define<Sqrt>();

}  // namespace hone::ops

namespace hone {

Variable sqrt(const Variable& x) { return apply_one(ops::sqrt, ops::Sqrt::Attributes{}, {x}); }

}  // namespace hone
