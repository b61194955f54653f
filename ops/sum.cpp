#include <algorithm>
#include <cmath>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"
#include "ops/reduce.h"

namespace hone::ops {
namespace {

/// y = sum of x over the axes in input 1; plain integers wrap.
/// x: any shape; axes: integers; y: x without those axes, or with 1 in their place.
///
/// The reference kernel of the format takes 8-bit integers for unsigned bytes whatever they are,
/// and so does this one, for its bits.  What int8 gives is therefore no sum, but its gradient is
/// that of the sum: it is what training needs, and it agrees with the optimized kernel.
struct Sum {
  static constexpr std::string_view name = "SUM";
  static constexpr int code = tflite::BuiltinOperator_SUM;
  static constexpr Arity arity{2, 2};
  static constexpr Slots reads = Slots::of({1});
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t,
                          std::int64_t>
      dtypes{};
  // int8: the odd output does not tell where the sum saturates
  static constexpr Saves saves = Saves::inputs;

  using Attributes = ReduceAttributes;

  struct Plan {
    AxisReduction reduction;
    bool rescales = false;
    bool clamps = true;
    Rescale factor;       // sx / sy
    float real_factor{};  // the same
  };

  static Attributes parse(const Options& options) { return Attributes::parse(options); }
  static TensorType infer(const Attributes& a, const Call& call) { return reduced(a, call); }

  static Plan prepare(const Attributes&, const Call& call) {
    const TensorType& x = call.inputs[0];
    Plan plan{.reduction = AxisReduction::over(x.shape, reduced_axes(call)),
              .rescales = rescales(x)};
    if (!plan.rescales) return plan;
    call.require_quantized_output();
    call.require_symmetric_int16();
    const float sx = x.scale, sy = call.outputs[0].scale;
    plan.clamps = x.dtype != DType::int8;
    plan.factor = rescale(double{sx} / double{sy});
    plan.real_factor = sx / sy;
    return plan;
  }

  static std::size_t scratch_bytes(const Attributes&, const Plan& plan, const Call&) {
    return plan.reduction.sums * sizeof(std::uint64_t);
  }
  static std::size_t backward_scratch_bytes(const Attributes&, const Plan& plan, const Call&) {
    return plan.clamps ? 0 : plan.reduction.sums * sizeof(double);
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    using Total = std::conditional_t<std::same_as<T, float>, double, std::uint64_t>;
    if constexpr (sizeof(T) == 1) {
      if (plan.rescales) return sum_bytes(plan, f);
    }
    const auto y = f.output<T>(0);
    const auto sums = sums_in<Total>(f.scratch).first(y.size());
    sum_over(plan.reduction, f.input<T>(0), sums);
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = static_cast<T>(sums[i]);
      if constexpr (std::same_as<T, std::int16_t>) {
        // The reference kernel leaves half of the output unwritten: the optimized one's formula.
        const auto sum = static_cast<float>(static_cast<std::int64_t>(sums[i]));
        if (plan.rescales) y[i] = saturate<T>(round_to_int32(double{sum * plan.real_factor}));
      }
    }
  }

  static void sum_bytes(const Plan& plan, const Forward& f) {
    const auto y = f.output<std::uint8_t>(0);
    const auto sums = sums_in<std::uint64_t>(f.scratch).first(y.size());
    sum_over(plan.reduction, f.input<std::uint8_t>(0), sums);
    const std::int64_t zx = f.type_in(0).zero_point, zy = f.type_out(0).zero_point;
    const auto terms = static_cast<std::int64_t>(plan.reduction.terms);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::int64_t sum = static_cast<std::int64_t>(sums[i]) - zx * terms;
      y[i] = saturate<std::uint8_t>(zy + plan.factor(static_cast<std::int32_t>(sum)));
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const auto gy = b.output_grad(0);
    const auto gx = b.input_grad(0);
    if (plan.clamps) return spread_over(plan.reduction, gy, 1.0f, gx);
    const double sy = b.type_out(0).scale, zy = b.type_out(0).zero_point;
    const auto masked = sums_in<double>(b.scratch).first(gy.size());
    sum_over(plan.reduction, b.saved_input(0), masked);
    for (std::size_t i = 0; i < gy.size(); ++i) {
      const double q = std::round(masked[i] / sy) + zy;
      masked[i] = q > -128 && q < 127 ? double{gy[i]} : 0.0;
    }
    spread_over(plan.reduction, std::span<const double>(masked), 1.0f, gx);
  }
};

}  // namespace

extern constinit const OpDef sum = define<Sum>();

}  // namespace hone::ops

namespace hone {

Variable sum(const Variable& x, const std::vector<std::int64_t>& axes, bool keep_dims) {
  return apply_one(ops::sum, ops::ReduceAttributes{.keep_dims = keep_dims}, {x, ops::list(axes)});
}

Variable sum(const Variable& x) { return sum(x, ops::every_axis(x.shape())); }

}  // namespace hone
