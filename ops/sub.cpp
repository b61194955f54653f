#include "ops/op.h"

#include <algorithm>
#include <functional>

#include <hone/functions.h>

#include "ops/signed_sum.h"

namespace hone::ops {
namespace {

/// y = a - b.
struct Sub : SignedSum<true> {
  static constexpr std::string_view name = "SUB";
  static constexpr int code = tflite::BuiltinOperator_SUB;

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::SubOptions>();
    return {.activation = fused_activation(o.fused_activation_function()),
            .powers_of_two = o.pot_scale_int16()};
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    const auto gy = b.output_grad(0);
    if (b.wants(0)) std::copy(gy.begin(), gy.end(), b.input_grad(0).begin());
    if (b.wants(1)) std::transform(gy.begin(), gy.end(), b.input_grad(1).begin(), std::negate<>());
  }
};

}  // namespace

extern constinit const OpDef sub = define<Sub>();

}  // namespace hone::ops

namespace hone {

Variable sub(const Variable& a, const Variable& b) {
  return apply_one(ops::sub, ops::Sub::Attributes{}, {a, b});
}
Variable operator-(const Variable& a, const Variable& b) { return sub(a, b); }
Variable operator-(const Variable& a, float b) { return sub(a, Tensor::of<float>({}, {b})); }
Variable operator-(float a, const Variable& b) { return sub(Tensor::of<float>({}, {a}), b); }

}  // namespace hone
