#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// The same elements under another shape; one dimension may be -1 and takes what is left.
/// x: any shape; shape: (rank of y) integers.  Where it is left out, or is no vector, the options
/// hold it.
struct Reshape {
  static constexpr std::string_view name = "RESHAPE";
  static constexpr int code = tflite::BuiltinOperator_RESHAPE;
  static constexpr Arity arity{1, 2};
  static constexpr Slots reads = Slots::of({1});
  static constexpr bool views = true;
  static constexpr bool moves = true;

  struct Attributes {
    bool given = false;
    std::vector<std::int64_t> shape;
  };

  static Attributes parse(const Options& options) {
    const auto* shape = options.as<tflite::ReshapeOptions>().new_shape();
    if (!shape) return {};
    return {.given = true, .shape = {shape->begin(), shape->end()}};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    std::vector<std::int64_t> dims = a.shape;
    if (call.has(1) && call.inputs[1].shape.rank() == 1) {
      dims = call.ints(1);
    } else if (!a.given) {
      call.refuse("expected a list of dimensions in input 1 or in the options, got none");
    }
    if (dims.size() == 1 && dims[0] == 0 && call.inputs[0].numel() == 1) {
      dims.clear();  // how old converters wrote a scalar
    }
    return moved(call, 0, filled(dims, call));
  }

  /// `dims` with its -1 replaced, and of as many elements as x.
  static Shape filled(std::vector<std::int64_t> dims, const Call& call) {
    if (dims.size() > Shape::max_rank)
      call.refuse("expected up to 8 dimensions, got ", dims.size());
    const auto n = static_cast<std::int64_t>(call.inputs[0].numel());
    std::int64_t known = 1, *open = nullptr;
    for (std::int64_t& d : dims) {
      if (d < -1) call.refuse("expected dimensions of at least -1, got ", d);
      if (d == -1 && open) call.refuse("expected at most one dimension -1, got two");
      if (d == -1) {
        open = &d;
      } else if (__builtin_mul_overflow(known, d, &known)) {
        call.refuse("expected a shape of ", n, " elements, got more than 2^63");
      }
    }
    if (open) {
      if (known == 0) call.refuse("expected no -1 beside a dimension 0: any number would fit");
      *open = n / known;
      known *= *open;
    }
    const Shape shape{std::span<const std::int64_t>(dims)};
    if (known != n) {
      call.refuse("expected a shape of ", n, " elements (input ", call.inputs[0].shape, "), got ",
                  shape);
    }
    return shape;
  }
};

}  // namespace

extern constinit const OpDef reshape = define<Reshape>();

}  // namespace hone::ops

namespace hone {

Variable reshape(const Variable& x, const std::vector<std::int64_t>& shape) {
  return apply_one(ops::reshape, ops::Reshape::Attributes{.given = true, .shape = shape}, {x});
}

}  // namespace hone
