#include "ops/op.h"

#include <algorithm>
#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = a^b.  a, b: shapes that broadcast; y: what they broadcast to.
struct Pow {
  static constexpr std::string_view name = "POW";
  static constexpr int code = tflite::BuiltinOperator_POW;
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int32_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr bool broadcasts = true;
  static constexpr Slots overwrites = Slots::of({0, 1});

  struct Attributes {};
  using Plan = Broadcast;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, const Call& call) { return broadcast_type(call); }

  static Plan prepare(const Attributes&, const Call& call) {
    return {call.inputs[0].shape, call.inputs[1].shape};
  }

  /// Integers have no fractions.
  static void check(const Attributes&, const Call& call) {
    if (call.inputs[1].dtype != DType::int32) return;
    for (const std::int32_t exponent : call.values[1].data<std::int32_t>()) {
      if (exponent < 0) call.refuse("expected exponents of 0 or more, got ", exponent);
    }
  }

  template <class T>
  static void forward(const Attributes&, const Plan& shape, const Forward& f) {
    const T* a = f.input<T>(0).data();
    const T* b = f.input<T>(1).data();
    T* y = f.output<T>(0).data();
    shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
      if constexpr (std::same_as<T, float>) {
        y[i] = std::pow(a[ia], b[ib]);
      } else {  // exact where the result fits, saturated elsewhere
        y[i] = round_to_int32(std::pow(static_cast<double>(a[ia]), static_cast<double>(b[ib])));
      }
    });
  }

  static void backward(const Attributes&, const Plan& shape, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    const float* base = b.saved_input(0).data();
    const float* exponent = b.saved_input(1).data();
    if (b.wants(0)) {
      float* g = b.input_grad(0).data();
      shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
        const float e = exponent[ib];
        g[i] = e == 0 ? 0.0f : gy[i] * e * std::pow(base[ia], e - 1);
      });
    }
    if (b.wants(1)) {
      float* g = b.input_grad(1).data();
      shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
        const float e = exponent[ib], a = base[ia];
        // 0^e is 0 for all e > 0 and 1 at 0: no slope, though log(0) is not finite
        g[i] = a == 0 && e >= 0 ? 0.0f : gy[i] * std::pow(a, e) * std::log(a);
      });
    }
  }
};

}  // namespace

extern constinit const OpDef pow = define<Pow>();

}  // namespace hone::ops

namespace hone {

Variable pow(const Variable& a, const Variable& b) {
  return apply_one(ops::pow, ops::Pow::Attributes{}, {a, b});
}

}  // namespace hone
