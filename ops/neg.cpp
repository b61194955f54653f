#include "ops/op.h"

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = -x.  x: any shape; y: the shape of x.  Plain integers wrap: the lowest one is its own
/// negative.
struct Neg {
  static constexpr std::string_view name = "NEG";
  static constexpr int code = tflite::BuiltinOperator_NEG;
  static constexpr Dtypes<float, std::int8_t, std::int16_t, std::int32_t, std::int64_t> dtypes{};
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};

  struct Plan {
    bool fixed = false;
    Rescale scale;
    std::int32_t zx = 0, zy = 0;
  };

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!fixed_point(call, true)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    return {true, rescale(x.scale / y.scale), x.zero_point, y.zero_point};
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const T* x = f.input<T>(0).data();
    T* y = f.output<T>(0).data();
    if constexpr (sizeof(T) <= 2) {
      if (plan.fixed) {
        return each(f.inputs[0].numel(), [=, p = &plan](std::size_t i) {
          y[i] = saturate<T>(p->zy - p->scale(x[i] - p->zx));
        });
      }
    }
    each(f.inputs[0].numel(), [=](std::size_t i) {
      if constexpr (std::same_as<T, float>) {
        y[i] = -x[i];  // 0 - x would lose the sign of zero
      } else {
        y[i] = wrapped(T{0}, x[i], [](auto zero, auto v) { return zero - v; });
      }
    });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    float* gx = b.input_grad(0).data();
    each(b.input_grad(0).size(), [=](std::size_t i) { gx[i] = -gy[i]; });
  }
};

}  // namespace

extern constinit const OpDef neg = define<Neg>();

}  // namespace hone::ops

namespace hone {

Variable neg(const Variable& x) { return apply_one(ops::neg, ops::Neg::Attributes{}, {x}); }
Variable operator-(const Variable& x) { return neg(x); }

}  // namespace hone
