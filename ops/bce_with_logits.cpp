#include "ops/loss.h"

namespace hone {
namespace ops {
namespace {

/// max(x, 0) - x t + log(1 + exp(-|x|)).
struct BceWithLogits {
  static constexpr std::string_view name = "bce_with_logits";
  struct Attributes {
    Reduction reduction = Reduction::mean;
  };

  static void check(const Attributes&, const Call& call) {
    const Tensor targets = call.values[1].to_float();
    for (const float t : targets.data<float>()) {
      if (!(t >= 0 && t <= 1)) call.refuse("expected targets in [0, 1], got ", t);
    }
  }
  static double value(const Attributes&, float x, float t) {
    const double z = x;
    return std::max(z, 0.0) - z * t + std::log1p(std::exp(-std::abs(z)));
  }
  static float slope(const Attributes&, float x, float t) {
    const float e = std::exp(-std::abs(x));
    return (x >= 0 ? 1 / (1 + e) : e / (1 + e)) - t;
  }
  static float target_slope(const Attributes&, float x, float) { return -x; }
};

/// Integers and booleans as floats; everything else as it is.
Tensor as_real(const Tensor& targets) {
  const bool plain =
      targets.dtype() == DType::boolean ||
      (is_integer(targets.dtype()) && !static_cast<const QuantParams&>(targets.type()).quantized());
  if (!plain) return targets;
  const std::vector<std::int64_t> values = targets.to_ints();
  Tensor real(TensorType(DType::float32, targets.shape()));
  std::transform(values.begin(), values.end(), real.mutable_data<float>().begin(),
                 [](std::int64_t v) { return static_cast<float>(v); });
  return real;
}

}  // namespace

extern constinit const OpDef bce_with_logits = define<ElementwiseLoss<BceWithLogits>>();

}  // namespace ops

Variable bce_with_logits(const Variable& logits, const Tensor& targets, Reduction reduction) {
  return ops::apply_loss<ops::bce_with_logits>(ops::BceWithLogits::Attributes{reduction},
                                               {logits, ops::as_real(targets)});
}

}  // namespace hone
