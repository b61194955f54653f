#include "ops/op.h"

#include <hone/functions.h>

#include "ops/rectifier.h"

namespace hone::ops {
namespace {

/// y = min(max(x, 0), 6).  x: any shape; y: the shape of x.
struct Relu6 : Rectifier<Activation::relu6> {
  static constexpr std::string_view name = "RELU6";
  static constexpr int code = tflite::BuiltinOperator_RELU6;
};

}  // namespace

extern constinit const OpDef relu6 = define<Relu6>();

}  // namespace hone::ops

namespace hone {

Variable relu6(const Variable& x) { return apply_one(ops::relu6, ops::Relu6::Attributes{}, {x}); }

}  // namespace hone
