#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// x with a dimension of 1 at position `axis` of y, which may count from the end of y.
/// x: any shape; axis: one integer.
struct ExpandDims {
  static constexpr std::string_view name = "EXPAND_DIMS";
  static constexpr int code = tflite::BuiltinOperator_EXPAND_DIMS;
  static constexpr Arity arity{2, 2};
  static constexpr Slots reads = Slots::of({1});
  static constexpr bool views = true;
  static constexpr bool moves = true;

  struct Attributes {};

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes&, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    const std::vector<std::int64_t> given = call.ints(1);
    if (given.size() != 1) call.refuse("expected one axis, got ", given.size());
    const std::size_t axis = call.axis(given[0], x.rank() + 1);
    Shape y;
    for (std::size_t i = 0; i <= x.rank(); ++i) {
      if (i == axis) y.append(1);
      if (i < x.rank()) y.append(x[i]);
    }
    return moved(call, 0, y);
  }
};

}  // namespace

extern constinit const OpDef expand_dims = define<ExpandDims>();

}  // namespace hone::ops

namespace hone {

Variable expand_dims(const Variable& x, std::int64_t axis) {
  return apply_one(ops::expand_dims, ops::ExpandDims::Attributes{}, {x, ops::list({axis})});
}

}  // namespace hone
