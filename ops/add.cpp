#include "ops/op.h"

#include <hone/functions.h>

#include "ops/signed_sum.h"

namespace hone::ops {
namespace {

/// y = a + b.
struct Add : SignedSum<false> {
  static constexpr std::string_view name = "ADD";
  static constexpr int code = tflite::BuiltinOperator_ADD;
  static constexpr bool passes = true;

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::AddOptions>();
    return {.activation = fused_activation(o.fused_activation_function()),
            .powers_of_two = o.pot_scale_int16()};
  }
};

}  // namespace

extern constinit const OpDef add = define<Add>();

}  // namespace hone::ops

namespace hone {

Variable add(const Variable& a, const Variable& b) {
  return apply_one(ops::add, ops::Add::Attributes{}, {a, b});
}
Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
Variable operator+(const Variable& a, float b) { return add(a, Tensor::of<float>({}, {b})); }
Variable operator+(float a, const Variable& b) { return add(Tensor::of<float>({}, {a}), b); }

}  // namespace hone
