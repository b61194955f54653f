#include "ops/op.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/fixed_exp.h"

namespace hone::ops {
namespace {

/// The sign bits of x beside its first one.
int leading_sign_bits(std::int32_t x) noexcept {
  const std::int64_t twice = 2 * std::int64_t{x};
  return std::countl_zero(static_cast<std::uint32_t>(x < 0 ? -twice - 1 : twice));
}

/// Quotients of integers with scales; quantization spec, section 3.
struct QuantizedQuotient {
  Rescale scale;  // sa / (sb * sy)
  std::int32_t za = 0, zb = 0, zy = 0;
  std::int32_t low = 0, high = 0;

  std::int32_t operator()(std::int32_t qa, std::int32_t qb) const noexcept {
    std::int32_t a = qa - za, b = qb - zb;
    if (b < 0) {
      a = -a;
      b = -b;
    }
    const Reciprocal inverse = reciprocal(b, 31);
    const int headroom = leading_sign_bits(a);
    const std::int32_t quotient = high_product(wrapping_shift(a, headroom), inverse.value);
    const std::int32_t scaled = high_product(quotient, scale.multiplier);
    const int right = headroom + inverse.bits - scale.shift;
    const std::int64_t y = right > 31   ? 0
                           : right >= 0 ? rounding_shift(scaled, right)
                                        : saturating_shift(scaled, std::min(-right, 31));
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(y + zy, low, high));
  }
};

/// y = a / b, then the fused activation; plain integers are divided towards zero.
/// a, b: shapes that broadcast; y: what they broadcast to.
struct Div {
  static constexpr std::string_view name = "DIV";
  static constexpr int code = tflite::BuiltinOperator_DIV;
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr bool broadcasts = true;
  static constexpr Slots overwrites = Slots::of({0, 1});

  struct Attributes {
    Activation activation = Activation::none;
  };

  struct Plan {
    Broadcast shape;
    bool fixed = false;
    QuantizedQuotient quotient;
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::DivOptions>();
    return {.activation = fused_activation(o.fused_activation_function())};
  }

  static TensorType infer(const Attributes&, const Call& call) { return broadcast_type(call); }

  static Plan prepare(const Attributes& o, const Call& call) {
    Plan plan{.shape = {call.inputs[0].shape, call.inputs[1].shape}, .fixed = fixed_point(call)};
    if (!plan.fixed) return plan;
    const TensorType &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
    QuantizedQuotient& q = plan.quotient;
    q.scale = rescale(a.scale / (b.scale * y.scale));
    q.za = a.zero_point;
    q.zb = b.zero_point;
    q.zy = y.zero_point;
    std::tie(q.low, q.high) = quantized_range(o.activation, y);
    return plan;
  }

  template <class T>
  static bool has_divisor_0(const Tensor& b) {
    const auto values = b.data<T>();
    return std::find(values.begin(), values.end(), b.type().zero_point) != values.end();
  }

  /// Integers have no infinity.
  static void check(const Attributes&, const Call& call) {
    const Tensor& b = call.values[1];
    const DType dtype = b.dtype();
    if ((dtype == DType::int8 && has_divisor_0<std::int8_t>(b)) ||
        (dtype == DType::uint8 && has_divisor_0<std::uint8_t>(b)) ||
        (dtype == DType::int16 && has_divisor_0<std::int16_t>(b)) ||
        (dtype == DType::int32 && has_divisor_0<std::int32_t>(b))) {
      call.refuse("expected divisors other than 0, got a divisor of 0");
    }
  }

  template <class T>
  static void forward(const Attributes& o, const Plan& plan, const Forward& f) {
    const T* a = f.input<T>(0).data();
    const T* b = f.input<T>(1).data();
    T* y = f.output<T>(0).data();
    if constexpr (sizeof(T) <= 2) {
      if (plan.fixed) {
        return plan.shape.each([=, p = &plan](std::size_t i, std::size_t ia, std::size_t ib) {
          y[i] = static_cast<T>(p->quotient(a[ia], b[ib]));
        });
      }
    }
    const Clamp<T> clamp(o.activation);
    plan.shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
      if constexpr (std::same_as<T, float>) {
        y[i] = clamp(a[ia] / b[ib]);
      } else {  // in 64 bits, for the lowest value over -1
        y[i] = clamp(static_cast<T>(std::int64_t{a[ia]} / b[ib]));
      }
    });
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    const float* above = b.saved_input(0).data();
    const float* below = b.saved_input(1).data();
    if (b.wants(0)) {
      float* ga = b.input_grad(0).data();
      plan.shape.each(
          [=](std::size_t i, std::size_t, std::size_t ib) { ga[i] = gy[i] / below[ib]; });
    }
    if (b.wants(1)) {
      float* gb = b.input_grad(1).data();
      plan.shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
        gb[i] = -gy[i] * (above[ia] / below[ib]) / below[ib];
      });
    }
  }
};

}  // namespace

extern constinit const OpDef div = define<Div>();

}  // namespace hone::ops

namespace hone {

Variable div(const Variable& a, const Variable& b) {
  return apply_one(ops::div, ops::Div::Attributes{}, {a, b});
}
Variable operator/(const Variable& a, const Variable& b) { return div(a, b); }
Variable operator/(const Variable& a, float b) { return div(a, Tensor::of<float>({}, {b})); }
Variable operator/(float a, const Variable& b) { return div(Tensor::of<float>({}, {a}), b); }

}  // namespace hone
