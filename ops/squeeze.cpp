#include <algorithm>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// x without some dimensions of 1: those of `axes`, which may count from the end, or all where
/// `axes` is empty.
struct Squeeze {
  static constexpr std::string_view name = "SQUEEZE";
  static constexpr int code = tflite::BuiltinOperator_SQUEEZE;
  static constexpr bool views = true;
  static constexpr bool moves = true;

  struct Attributes {
    std::vector<std::int64_t> axes;
  };

  static Attributes parse(const Options& options) {
    const auto* axes = options.as<tflite::SqueezeOptions>().squeeze_dims();
    if (!axes) return {};
    return {.axes = {axes->begin(), axes->end()}};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    Slots dropped;
    for (const std::int64_t given : a.axes) {
      const std::size_t axis = call.axis(given, x.rank());
      if (x[axis] != 1)
        call.refuse("expected dimension ", given, " of ", x, " to be 1, got ", x[axis]);
      dropped.bits |= 1u << axis;
    }
    Shape y;
    for (std::size_t i = 0; i < x.rank(); ++i) {
      if (a.axes.empty() ? x[i] != 1 : !dropped.has(i)) y.append(x[i]);
    }
    return moved(call, 0, y);
  }
};

}  // namespace

extern constinit const OpDef squeeze = define<Squeeze>();

}  // namespace hone::ops

namespace hone {

Variable squeeze(const Variable& x, const std::vector<std::int64_t>& axes) {
  return apply_one(ops::squeeze, ops::Squeeze::Attributes{.axes = axes}, {x});
}

}  // namespace hone
