#include <algorithm>
#include <cstring>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// Inputs of one type and shape along a new dimension `axis` of y, which may count from its end.
struct Pack {
  static constexpr std::string_view name = "PACK";
  static constexpr int code = tflite::BuiltinOperator_PACK;
  static constexpr Arity arity{1, Arity::any};
  static constexpr bool moves = true;

  struct Attributes {
    std::int64_t axis = 0;
    std::int64_t count = -1;  // -1: not given
  };

  struct Plan {
    std::size_t outer = 1, run = 1;
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::PackOptions>();
    return {.axis = o.axis(), .count = o.values_count()};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const auto n = static_cast<std::int64_t>(call.inputs.size());
    if (a.count != -1 && a.count != n) {
      call.refuse("expected ", a.count, " inputs, as the options say, got ", n);
    }
    const Shape& x = call.inputs[0].shape;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      if (!call.has(i)) call.refuse("expected input ", i, ", it was left out");
      call.require_same_dtype(0, i);
      if (call.inputs[i].shape != x) {
        call.refuse("expected inputs of one shape, got ", x, " and ", call.inputs[i].shape);
      }
    }
    const std::size_t axis = call.axis(a.axis, x.rank() + 1);
    Shape y;
    for (std::size_t i = 0; i <= x.rank(); ++i) {
      if (i == axis) y.append(n);
      if (i < x.rank()) y.append(x[i]);
    }
    return moved(call, 0, y);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    const Shape& x = call.inputs[0].shape;
    const std::size_t axis = call.axis(a.axis, x.rank() + 1);
    return {.outer = static_cast<std::size_t>(product(x, 0, axis)),
            .run = static_cast<std::size_t>(product(x, axis, x.rank()))};
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const std::size_t n = f.inputs.size(), bytes = plan.run * byte_size(f.type_out(0).dtype);
    if (bytes == 0) return;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t o = 0; o < plan.outer; ++o) {
        std::memcpy(f.outputs[0].mutable_raw() + (o * n + i) * bytes, f.inputs[i].raw() + o * bytes,
                    bytes);
      }
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const auto gy = b.output_grad(0);
    const std::size_t n = b.types_in.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (!b.wants(i)) continue;
      const auto gx = b.input_grad(i);
      for (std::size_t o = 0; o < plan.outer; ++o) {
        std::copy_n(gy.data() + (o * n + i) * plan.run, plan.run, gx.data() + o * plan.run);
      }
    }
  }
};

}  // namespace

extern constinit const OpDef pack = define<Pack>();

}  // namespace hone::ops

namespace hone {

Variable pack(const std::vector<Variable>& xs, std::int64_t axis) {
  const auto attributes =
      std::make_shared<ops::Pack::Attributes>(ops::Pack::Attributes{.axis = axis});
  return std::move(apply(ops::pack, attributes, xs)[0]);
}

}  // namespace hone
