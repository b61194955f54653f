#include <algorithm>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// size[i] elements of dimension i from begin[i] on; size -1: all that follow.
/// x: any shape; begin, size: (rank) integers.
struct Slice {
  static constexpr std::string_view name = "SLICE";
  static constexpr int code = tflite::BuiltinOperator_SLICE;
  static constexpr Arity arity{3, 3};
  static constexpr Slots reads = Slots::of({1, 2});
  static constexpr bool moves = true;

  struct Attributes {};

  struct Plan {
    StridedCopy copy;
  };

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes&, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    const std::vector<std::int64_t> begin = call.ints(1), size = call.ints(2);
    if (begin.size() != x.rank() || size.size() != x.rank()) {
      call.refuse("expected ", x.rank(), " begins and sizes, got ", begin.size(), " and ",
                  size.size());
    }
    Shape y = x;
    for (std::size_t i = 0; i < x.rank(); ++i) {
      if (begin[i] < 0 || begin[i] > x[i]) {
        call.refuse("expected a begin from 0 to ", x[i], " in dimension ", i, ", got ", begin[i]);
      }
      y[i] = size[i] == -1 ? x[i] - begin[i] : size[i];
      if (y[i] < 0 || y[i] > x[i] - begin[i]) {
        call.refuse("expected a size from -1 to ", x[i] - begin[i], " in dimension ", i, ", got ",
                    size[i]);
      }
    }
    return moved(call, 0, y);
  }

  static Plan prepare(const Attributes&, const Call& call) {
    const Shape& y = call.outputs[0].shape;
    const std::vector<std::int64_t> begin = call.ints(1);
    const auto from = strides_of(call.inputs[0].shape), to = strides_of(y);
    Plan plan;
    for (std::size_t i = 0; i < y.rank(); ++i) {
      plan.copy.source += begin[i] * from[i];
      plan.copy.add(y[i], from[i], to[i]);
    }
    return plan;
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    copy_elements(plan.copy, f);
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    std::ranges::fill(b.input_grad(0), 0.0f);
    copy_floats(plan.copy.reversed(), b.output_grad(0), b.input_grad(0));
  }
};

}  // namespace

extern constinit const OpDef slice = define<Slice>();

}  // namespace hone::ops

namespace hone {

Variable slice(const Variable& x, const std::vector<std::int64_t>& begin,
               const std::vector<std::int64_t>& size) {
  return apply_one(ops::slice, ops::Slice::Attributes{}, {x, ops::list(begin), ops::list(size)});
}

}  // namespace hone
