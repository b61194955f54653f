#include "ops/op.h"

#include <functional>

#include <hone/functions.h>

#include "ops/choice.h"

namespace hone::ops {
namespace {

/// y = a where a <= b, b elsewhere: the smaller value, the first one on a tie.
struct Minimum : Choice<std::less_equal<>> {
  static constexpr std::string_view name = "MINIMUM";
  static constexpr int code = tflite::BuiltinOperator_MINIMUM;
};

}  // namespace

extern constinit const OpDef minimum = define<Minimum>();

}  // namespace hone::ops

namespace hone {

Variable minimum(const Variable& a, const Variable& b) {
  return apply_one(ops::minimum, ops::Minimum::Attributes{}, {a, b});
}

}  // namespace hone
