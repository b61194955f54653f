#include "ops/op.h"

#include <functional>

#include <hone/functions.h>

#include "ops/choice.h"

namespace hone::ops {
namespace {

/// y = a where a >= b, b elsewhere: the larger value, the first one on a tie.
struct Maximum : Choice<std::greater_equal<>> {
  static constexpr std::string_view name = "MAXIMUM";
  static constexpr int code = tflite::BuiltinOperator_MAXIMUM;
};

}  // namespace

extern constinit const OpDef maximum = define<Maximum>();

}  // namespace hone::ops

namespace hone {

Variable maximum(const Variable& a, const Variable& b) {
  return apply_one(ops::maximum, ops::Maximum::Attributes{}, {a, b});
}

}  // namespace hone
