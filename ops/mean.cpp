#include <algorithm>
#include <bit>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"
#include "ops/reduce.h"

namespace hone::ops {
namespace {

/// y = mean of x over the axes in input 1.  Plain integers are divided towards zero.
/// x: any shape; axes: integers; y: x without those axes, or with 1 in their place.
struct Mean {
  static constexpr std::string_view name = "MEAN";
  static constexpr int code = tflite::BuiltinOperator_MEAN;
  static constexpr Arity arity{2, 2};
  static constexpr Slots reads = Slots::of({1});
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t,
                          std::int64_t>
      dtypes{};

  using Attributes = ReduceAttributes;

  struct Plan {
    AxisReduction reduction;
    bool rescales = false;
    Rescale factor;  // sx / sy / terms
  };

  static Attributes parse(const Options& options) { return Attributes::parse(options); }
  static TensorType infer(const Attributes& a, const Call& call) { return reduced(a, call); }

  static Plan prepare(const Attributes&, const Call& call) {
    const TensorType& x = call.inputs[0];
    Plan plan{.reduction = AxisReduction::over(x.shape, reduced_axes(call)),
              .rescales = rescales(x)};
    if (plan.reduction.terms == 0 && plan.reduction.sums != 0) {
      call.refuse("expected at least one element to take the mean of, got input ", x.shape);
    }
    if (!plan.rescales) return plan;
    call.require_quantized_output();
    call.require_symmetric_int16();
    plan.factor = divided(rescale(double{x.scale} / double{call.outputs[0].scale}),
                          std::max<std::uint64_t>(plan.reduction.terms, 1));
    return plan;
  }

  /// A factor over n, in integers, as the reference kernel forms it: as many bits of the quotient
  /// as a multiplier holds, the rest cut off.
  static Rescale divided(Rescale factor, std::uint64_t n) {
    const int bits = std::min({static_cast<int>(std::bit_width(n)) - 1, 32, 31 + factor.shift});
    const std::int64_t multiplier =
        (std::int64_t{factor.multiplier} << bits) / static_cast<std::int64_t>(n);
    return {static_cast<std::int32_t>(multiplier), factor.shift - bits};
  }

  static std::size_t scratch_bytes(const Attributes&, const Plan& plan, const Call& call) {
    return is_integer(call.inputs[0].dtype) ? plan.reduction.sums * sizeof(std::uint64_t) : 0;
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const auto y = f.output<T>(0);
    if constexpr (std::same_as<T, float>) {
      sum_floats(plan.reduction, f.input<float>(0), y);
      for (float& v : y) v /= static_cast<float>(plan.reduction.terms);
    } else {
      forward_integer(plan, f, y);
    }
  }

  template <class T>
  static void forward_integer(const Plan& plan, const Forward& f, std::span<T> y) {
    const auto sums = sums_in<std::uint64_t>(f.scratch).first(y.size());
    sum_over(plan.reduction, f.input<T>(0), sums);
    const std::int64_t zx = f.type_in(0).zero_point, zy = f.type_out(0).zero_point;
    const auto terms = static_cast<std::int64_t>(plan.reduction.terms);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto sum = static_cast<std::int64_t>(sums[i]);
      y[i] = plan.rescales
                 ? saturate<T>(zy + plan.factor(static_cast<std::int32_t>(sum - zx * terms)))
                 : static_cast<T>(sum / terms);
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    spread_over(plan.reduction, b.output_grad(0), 1.0f / static_cast<float>(plan.reduction.terms),
                b.input_grad(0));
  }
};

}  // namespace

extern constinit const OpDef mean = define<Mean>();

}  // namespace hone::ops

namespace hone {

Variable mean(const Variable& x, const std::vector<std::int64_t>& axes, bool keep_dims) {
  return apply_one(ops::mean, ops::ReduceAttributes{.keep_dims = keep_dims}, {x, ops::list(axes)});
}

Variable mean(const Variable& x) { return mean(x, ops::every_axis(x.shape())); }

}  // namespace hone
