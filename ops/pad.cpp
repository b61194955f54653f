#include <algorithm>
#include <cstring>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// x with zeros around it: paddings[i] = {before, after} of dimension i.  Integers with a scale are
/// padded with the zero point of y.
/// x: any shape; paddings: (rank, 2), not negative.
struct Pad {
  static constexpr std::string_view name = "PAD";
  static constexpr int code = tflite::BuiltinOperator_PAD;
  static constexpr Arity arity{2, 2};
  static constexpr Slots reads = Slots::of({1});
  static constexpr bool moves = true;

  struct Attributes {};

  struct Plan {
    StridedCopy copy;
    bool pads = false;
  };

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes&, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    const std::vector<std::int64_t> paddings = call.ints(1);
    if (paddings.size() != 2 * x.rank()) {
      call.refuse("expected ", x.rank(), " pairs of paddings, got ", call.inputs[1].shape);
    }
    Shape y = x;
    for (std::size_t i = 0; i < paddings.size(); ++i) {
      if (paddings[i] < 0) call.refuse("expected paddings of at least 0, got ", paddings[i]);
      if (__builtin_add_overflow(y[i / 2], paddings[i], &y[i / 2])) {
        call.refuse("expected dimensions below 2^63, got padding ", paddings[i]);
      }
    }
    return moved(call, 0, y);
  }

  static Plan prepare(const Attributes&, const Call& call) {
    const Shape &x = call.inputs[0].shape, &y = call.outputs[0].shape;
    const std::vector<std::int64_t> paddings = call.ints(1);
    const auto from = strides_of(x), to = strides_of(y);
    Plan plan{.pads = x != y};
    for (std::size_t i = 0; i < x.rank(); ++i) {
      plan.copy.target += paddings[2 * i] * to[i];
      plan.copy.add(x[i], from[i], to[i]);
    }
    return plan;
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    if (plan.pads) fill(f.outputs[0]);
    copy_elements(plan.copy, f);
  }

  static void fill(Tensor& y) {
    const TensorType& type = y.type();
    if (type.bytes() == 0) return;
    const std::int32_t zero = type.quantized() ? type.zero_point : 0;
    if (zero == 0 || byte_size(type.dtype) == 1) {
      std::memset(y.mutable_raw(), zero & 0xFF, type.bytes());
    } else if (type.dtype == DType::int16) {
      std::ranges::fill(y.mutable_data<std::int16_t>(), static_cast<std::int16_t>(zero));
    } else if (type.dtype == DType::int32) {
      std::ranges::fill(y.mutable_data<std::int32_t>(), zero);
    } else {
      std::memset(y.mutable_raw(), 0, type.bytes());
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    copy_floats(plan.copy.reversed(), b.output_grad(0), b.input_grad(0));
  }
};

}  // namespace

extern constinit const OpDef pad = define<Pad>();

}  // namespace hone::ops

namespace hone {

Variable pad(const Variable& x,
             const std::vector<std::pair<std::int64_t, std::int64_t>>& paddings) {
  std::vector<std::int64_t> flat;
  for (const auto& [before, after] : paddings) flat.insert(flat.end(), {before, after});
  return apply_one(ops::pad, ops::Pad::Attributes{}, {x, ops::list(flat)});
}

}  // namespace hone
