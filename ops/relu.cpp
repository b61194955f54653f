#include "ops/op.h"

#include <hone/functions.h>

#include "ops/rectifier.h"

namespace hone::ops {
namespace {

/// y = max(x, 0).  x: any shape; y: the shape of x.
struct Relu : Rectifier<Activation::relu> {
  static constexpr std::string_view name = "RELU";
  static constexpr int code = tflite::BuiltinOperator_RELU;
};

}  // namespace

extern constinit const OpDef relu = define<Relu>();

}  // namespace hone::ops

namespace hone {

Variable relu(const Variable& x) { return apply_one(ops::relu, ops::Relu::Attributes{}, {x}); }

}  // namespace hone
