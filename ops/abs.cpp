#include "ops/op.h"

#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = |x|.  x: any shape; y: the shape of x.  Plain integers wrap: the lowest one stays.
struct Abs {
  static constexpr std::string_view name = "ABS";
  static constexpr int code = tflite::BuiltinOperator_ABS;
  static constexpr Dtypes<float, std::int8_t, std::int16_t, std::int32_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};

  struct Plan {
    bool fixed = false, rescales = false;
    Rescale scale;
    std::int32_t zx = 0, zy = 0;
  };

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!fixed_point(call, true)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    return {true, x.scale != y.scale, rescale(x.scale / y.scale), x.zero_point, y.zero_point};
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const T* x = f.input<T>(0).data();
    T* y = f.output<T>(0).data();
    if constexpr (sizeof(T) <= 2) {
      if (plan.fixed) {
        return each(f.inputs[0].numel(), [=, p = &plan](std::size_t i) {
          const std::int32_t v = x[i] < p->zx ? p->zx - x[i] : x[i] - p->zx;
          y[i] = saturate<T>((p->rescales ? p->scale(v) : v) + p->zy);
        });
      }
    }
    each(f.inputs[0].numel(), [=](std::size_t i) {
      if constexpr (std::same_as<T, float>) {
        y[i] = std::abs(x[i]);
      } else {
        y[i] = static_cast<T>(std::abs(std::int64_t{x[i]}));
      }
    });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    chain(b, [](float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f; });
  }
};

}  // namespace

extern constinit const OpDef abs = define<Abs>();

}  // namespace hone::ops

namespace hone {

Variable abs(const Variable& x) { return apply_one(ops::abs, ops::Abs::Attributes{}, {x}); }

}  // namespace hone
