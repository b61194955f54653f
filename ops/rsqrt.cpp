#include "ops/op.h"

#include <cmath>
#include <limits>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/fixed_exp.h"

namespace hone::ops {
namespace {

/// y = 1 / the square root of x.  x: any shape; y: the shape of x.  An integer 0 gives the highest
/// value.
struct Rsqrt {
  static constexpr std::string_view name = "RSQRT";
  static constexpr int code = tflite::BuiltinOperator_RSQRT;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};
  using Plan = Tables;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    if (x.dtype == DType::int16) return tables_of(call, [](double v) { return 1 / std::sqrt(v); });
    // quantization spec, section 3: 8 bits go through fixed point, with 20 bits of fraction
    constexpr int fraction = 20;
    Rescale scale = rescale(static_cast<double>(1.0f / (std::sqrt(x.scale) * y.scale)));
    scale.shift -= fraction;
    if (scale.shift < -31) scale = {};
    Plan plan;
    plan.bytes =
        byte_table(static_cast<std::int32_t>(integer_range(x.dtype).first), [&](std::int32_t q) {
          const std::int32_t v = q - x.zero_point;
          if (v <= 0) return std::int64_t{std::numeric_limits<std::int32_t>::max()};
          Rescale root = inverse_sqrt(v);
          root.shift += fraction;
          return std::int64_t{scale(root(1))} + y.zero_point;
        });
    return plan;
  }

  /// Integers have no NaN.
  static void check(const Attributes&, const Call& call) { require_not_negative(call); }

  template <class T>
  static void forward(const Attributes&, const Plan& tables, const Forward& f) {
    map<T>(f, tables, [](float x) { return 1 / std::sqrt(x); });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    // an integer 0 stands for all that rounds to it: no slope instead of an infinite one
    const bool clamps = b.type_in(0).quantized();
    chain(b, [=](float x) { return clamps && x <= 0 ? 0.0f : -0.5f / (x * std::sqrt(x)); });
  }
};

}  // namespace

extern constinit const OpDef rsqrt = define<Rsqrt>();

}  // namespace hone::ops

namespace hone {

Variable rsqrt(const Variable& x) { return apply_one(ops::rsqrt, ops::Rsqrt::Attributes{}, {x}); }

}  // namespace hone
