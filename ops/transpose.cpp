#include <hone/functions.h>

#include "ops/kernels/kernels.h"
#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// y has the dimensions of x in the order of `perm`: dimension i of y is dimension perm[i] of x.
/// x: any shape; perm: a permutation of its axes, which may count from the end.
struct Transpose {
  static constexpr std::string_view name = "TRANSPOSE";
  static constexpr int code = tflite::BuiltinOperator_TRANSPOSE;
  static constexpr Arity arity{2, 2};
  static constexpr Slots reads = Slots::of({1});
  static constexpr bool moves = true;

  struct Attributes {};

  struct Plan {
    StridedCopy copy;
  };

  static Attributes parse(const Options&) { return {}; }

  static std::vector<std::size_t> order(const Call& call) {
    const std::size_t rank = call.inputs[0].shape.rank();
    const std::vector<std::int64_t> perm = call.ints(1);
    if (perm.size() != rank) {
      call.refuse("expected a permutation of ", rank, " axes, got ", perm.size(), " numbers");
    }
    std::vector<std::size_t> axes;
    Slots seen;
    for (const std::int64_t given : perm) {
      const std::size_t axis = call.axis(given, rank);
      if (seen.has(axis)) call.refuse("expected each axis once, got ", given, " twice");
      seen.bits |= 1u << axis;
      axes.push_back(axis);
    }
    return axes;
  }

  static TensorType infer(const Attributes&, const Call& call) {
    const TensorType& x = call.inputs[0];
    const std::vector<std::size_t> axes = order(call);
    Shape y;
    for (const std::size_t axis : axes) y.append(x.shape[axis]);
    if (!x.per_axis()) return moved(call, 0, y);
    TensorType type(x.dtype, y, x);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (axes[i] == static_cast<std::size_t>(x.axis)) type.axis = static_cast<int>(i);
    }
    return type;
  }

  static Plan prepare(const Attributes&, const Call& call) {
    const std::vector<std::size_t> axes = order(call);
    const Shape& y = call.outputs[0].shape;
    const auto from = strides_of(call.inputs[0].shape), to = strides_of(y);
    Plan plan;
    plan.copy.transpose = kernels().transpose;
    for (std::size_t i = 0; i < axes.size(); ++i) plan.copy.add(y[i], from[axes[i]], to[i]);
    return plan;
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    copy_elements(plan.copy, f);
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    copy_floats(plan.copy.reversed(), b.output_grad(0), b.input_grad(0));
  }
};

}  // namespace

extern constinit const OpDef transpose = define<Transpose>();

}  // namespace hone::ops

namespace hone {

Variable transpose(const Variable& x, const std::vector<std::int64_t>& perm) {
  return apply_one(ops::transpose, ops::Transpose::Attributes{}, {x, ops::list(perm)});
}

}  // namespace hone
