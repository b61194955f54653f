#include "ops/op.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// Squares of differences of integers with scales; quantization spec, section 3.
struct QuantizedSquare {
  static constexpr int left = 7;
  Rescale a, b, y;
  std::int32_t za = 0, zb = 0, zy = 0;
  std::int32_t low = 0, high = 0;

  std::int32_t operator()(std::int32_t qa, std::int32_t qb) const noexcept {
    const std::int32_t d = a((qa - za) * (1 << left)) - b((qb - zb) * (1 << left));
    return std::clamp(y(d * d) + zy, low, high);
  }
};

/// y = (a - b)^2.  a, b: shapes that broadcast; y: what they broadcast to.
struct SquaredDifference {
  static constexpr std::string_view name = "SQUARED_DIFFERENCE";
  static constexpr int code = tflite::BuiltinOperator_SQUARED_DIFFERENCE;
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int32_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr bool broadcasts = true;
  static constexpr Slots overwrites = Slots::of({0, 1});

  struct Attributes {};

  struct Plan {
    Broadcast shape;
    bool fixed = false;
    QuantizedSquare square;
  };

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, const Call& call) { return broadcast_type(call); }

  static Plan prepare(const Attributes&, const Call& call) {
    Plan plan{.shape = {call.inputs[0].shape, call.inputs[1].shape}, .fixed = fixed_point(call)};
    if (!plan.fixed) return plan;
    const TensorType &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
    const double twice = 2.0 * static_cast<double>(std::max(a.scale, b.scale));
    QuantizedSquare& s = plan.square;
    s.a = rescale(static_cast<double>(a.scale) / twice);
    s.b = rescale(static_cast<double>(b.scale) / twice);
    s.y = rescale(twice * twice /
                  std::ldexp(static_cast<double>(y.scale), 2 * QuantizedSquare::left));
    s.za = a.zero_point;
    s.zb = b.zero_point;
    s.zy = y.zero_point;
    std::tie(s.low, s.high) = quantized_range(Activation::none, y);
    return plan;
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const T* a = f.input<T>(0).data();
    const T* b = f.input<T>(1).data();
    T* y = f.output<T>(0).data();
    plan.shape.each([&](std::size_t i, std::size_t ia, std::size_t ib) {
      if constexpr (sizeof(T) == 1) {
        y[i] = static_cast<T>(plan.square(a[ia], b[ib]));
      } else {
        y[i] = wrapped(a[ia], b[ib], [](auto u, auto v) { return (u - v) * (u - v); });
      }
    });
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    const float* first = b.saved_input(0).data();
    const float* second = b.saved_input(1).data();
    for (const std::size_t k : {0u, 1u}) {
      if (!b.wants(k)) continue;
      float* g = b.input_grad(k).data();
      const float factor = k == 0 ? 2.0f : -2.0f;
      plan.shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
        g[i] = factor * (first[ia] - second[ib]) * gy[i];
      });
    }
  }
};

}  // namespace

extern constinit const OpDef squared_difference = define<SquaredDifference>();

}  // namespace hone::ops

namespace hone {

Variable squared_difference(const Variable& a, const Variable& b) {
  return apply_one(ops::squared_difference, ops::SquaredDifference::Attributes{}, {a, b});
}

}  // namespace hone
