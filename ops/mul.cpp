#include "ops/op.h"

#include <tuple>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = a * b, then the fused activation.  a, b: shapes that broadcast; y: what they broadcast to.
struct Mul {
  static constexpr std::string_view name = "MUL";
  static constexpr int code = tflite::BuiltinOperator_MUL;
  static constexpr Slots weights = Slots::of({0, 1});
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t,
                          std::int64_t>
      dtypes{};
  static constexpr Saves saves = Saves::others;
  static constexpr bool broadcasts = true;
  static constexpr Slots overwrites = Slots::of({0, 1});

  struct Attributes {
    Activation activation = Activation::none;
  };

  struct Plan {
    Broadcast shape;
    bool fixed = false;
    Rescale scale;  // sa * sb / sy
    std::int32_t za = 0, zb = 0, zy = 0;
    std::int32_t low = 0, high = 0;
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::MulOptions>();
    return {.activation = fused_activation(o.fused_activation_function())};
  }

  static TensorType infer(const Attributes&, const Call& call) { return broadcast_type(call); }

  static Plan prepare(const Attributes& o, const Call& call) {
    Plan plan{.shape = {call.inputs[0].shape, call.inputs[1].shape}, .fixed = fixed_point(call)};
    if (!plan.fixed) return plan;
    call.require_symmetric_int16();
    const TensorType &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
    plan.scale = rescale(a.scale * b.scale / y.scale);
    plan.za = a.zero_point;
    plan.zb = b.zero_point;
    plan.zy = y.zero_point;
    std::tie(plan.low, plan.high) = quantized_range(o.activation, y);
    return plan;
  }

  template <class T>
  static void forward(const Attributes& o, const Plan& plan, const Forward& f) {
    const T* a = f.input<T>(0).data();
    const T* b = f.input<T>(1).data();
    T* y = f.output<T>(0).data();
    if constexpr (std::same_as<T, std::int8_t>) {
      if (plan.fixed) {
        BytePass p;
        p.a.zero_point = plan.za, p.b.zero_point = plan.zb;
        p.factor = fixed_factor(plan.scale);
        p.zero_point = plan.zy, p.lo = plan.low, p.hi = plan.high;
        return run_bytes(plan.shape, f, p, kernels().multiply_bytes);
      }
    }
    if constexpr (sizeof(T) <= 2) {
      if (plan.fixed) {
        return plan.shape.each([=, p = &plan](std::size_t i, std::size_t ia, std::size_t ib) {
          const std::int32_t q = p->scale((a[ia] - p->za) * (b[ib] - p->zb)) + p->zy;
          y[i] = static_cast<T>(q < p->low ? p->low : q > p->high ? p->high : q);
        });
      }
    }
    if constexpr (std::same_as<T, float>) {
      return run_floats(plan.shape, a, b, y, o.activation, kernels().multiply);
    }
    const Clamp<T> clamp(o.activation);
    plan.shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
      y[i] = clamp(wrapped(a[ia], b[ib], [](auto u, auto v) { return u * v; }));
    });
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
      if (!b.wants(k)) continue;
      const float* other = b.saved_input(1 - k).data();
      float* g = b.input_grad(k).data();
      plan.shape.each_run([=](std::size_t i, std::size_t ia, std::size_t ib, std::size_t n,
                              std::size_t step_a, std::size_t step_b) noexcept {
        kernels().multiply({.count = static_cast<std::ptrdiff_t>(n),
                            .a = gy + i,
                            .b = other + (k == 0 ? ib : ia),
                            .b_step = static_cast<std::ptrdiff_t>(k == 0 ? step_b : step_a),
                            .y = g + i});
      });
    }
  }
};

}  // namespace

extern constinit const OpDef mul = define<Mul>();

}  // namespace hone::ops

namespace hone {

Variable mul(const Variable& a, const Variable& b) {
  return apply_one(ops::mul, ops::Mul::Attributes{}, {a, b});
}
Variable operator*(const Variable& a, const Variable& b) { return mul(a, b); }
Variable operator*(const Variable& a, float b) { return mul(a, Tensor::of<float>({}, {b})); }
Variable operator*(float a, const Variable& b) { return mul(Tensor::of<float>({}, {a}), b); }

}  // namespace hone
