#include <algorithm>
#include <cstring>

#include <hone/functions.h>

#include "ops/moves.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// Inputs one behind the other along `axis`, which may count from the end.
/// xs: one type, shapes equal but for `axis`.  uint8 inputs of other scales than the output's are
/// requantized in float; int8 and int16 must have the output's.
struct Concatenation {
  static constexpr std::string_view name = "CONCATENATION";
  static constexpr int code = tflite::BuiltinOperator_CONCATENATION;
  static constexpr Arity arity{1, Arity::any};
  static constexpr bool moves = true;

  struct Attributes {
    std::int64_t axis = 0;
    int activation_number = 0;
  };

  struct Plan {
    struct Part {
      std::size_t run = 0;  // elements that stand together
      bool rescales = false;
      float factor = 1, offset = 0;  // sx / sy, -zx * sx / sy
    };
    std::vector<Part> parts;
    std::size_t outer = 1, row = 0;
    bool clamps = false;
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::ConcatenationOptions>();
    return {.axis = o.axis(), .activation_number = static_cast<int>(o.fused_activation_function())};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    if (a.activation_number != 0) {
      call.refuse("expected no fused activation, got number ", a.activation_number);
    }
    Shape y = call.inputs[0].shape;
    const std::size_t axis = call.axis(a.axis, y.rank());
    for (std::size_t i = 1; i < call.inputs.size(); ++i) {
      if (!call.has(i)) call.refuse("expected input ", i, ", it was left out");
      call.require_same_dtype(0, i);
      Shape x = call.inputs[i].shape;
      if (x.rank() == y.rank()) {
        if (__builtin_add_overflow(y[axis], x[axis], &y[axis]))
          call.refuse("expected a sum below 2^63");
        x[axis] = y[axis];
      }
      if (x != y) {
        call.refuse("expected shapes that differ in dimension ", axis, " only, got ",
                    call.inputs[0].shape, " and ", call.inputs[i].shape);
      }
    }
    for (std::size_t i = 0; i < call.inputs.size(); ++i) moved(call, i, y);
    return moved(call, 0, y);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    const TensorType& y = call.outputs[0];
    const std::size_t axis = call.axis(a.axis, y.shape.rank());
    call.require_symmetric_int16();
    Plan plan;
    plan.outer = static_cast<std::size_t>(product(y.shape, 0, axis));
    for (const TensorType& x : call.inputs) {
      Plan::Part part{.run = static_cast<std::size_t>(product(x.shape, axis, x.shape.rank()))};
      plan.row += part.run;
      const bool differs = x.scale != y.scale || x.zero_point != y.zero_point;
      if (y.quantized() && differs) {
        if (y.dtype != DType::uint8) {
          call.refuse("expected inputs with the scale and zero_point of the output (", y, "), got ",
                      x);
        }
        part.factor = x.scale * (1.0f / y.scale);
        part.offset = static_cast<float>(-x.zero_point) * part.factor;
        part.rescales = plan.clamps = true;
      }
      plan.parts.push_back(part);
    }
    return plan;
  }

  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const std::size_t size = byte_size(f.type_out(0).dtype);
    std::size_t at = 0;
    for (std::size_t i = 0; i < plan.parts.size(); at += plan.parts[i++].run) {
      const std::size_t bytes = plan.parts[i].run * size;
      if (bytes == 0) continue;
      for (std::size_t o = 0; o < plan.outer; ++o) {
        std::byte* y = f.outputs[0].mutable_raw() + (o * plan.row + at) * size;
        const std::byte* x = f.inputs[i].raw() + o * bytes;
        if (plan.parts[i].rescales) {
          rescale_run(plan.parts[i], f.type_out(0).zero_point,
                      reinterpret_cast<const std::uint8_t*>(x), reinterpret_cast<std::uint8_t*>(y));
        } else {
          std::memcpy(y, x, bytes);
        }
      }
    }
  }

  static void rescale_run(const Plan::Part& part, std::int64_t zy, const std::uint8_t* x,
                          std::uint8_t* y) {
    for (std::size_t k = 0; k < part.run; ++k) {
      const float q = static_cast<float>(x[k]) * part.factor + part.offset;
      y[k] = saturate<std::uint8_t>(zy + round_to_int32(double{q}));
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const auto gy = b.output_grad(0);
    std::size_t at = 0;
    for (std::size_t i = 0; i < plan.parts.size(); at += plan.parts[i++].run) {
      if (!b.wants(i)) continue;
      const auto gx = b.input_grad(i);
      const std::size_t run = plan.parts[i].run;
      for (std::size_t o = 0; o < plan.outer; ++o) {
        std::copy_n(gy.data() + o * plan.row + at, run, gx.data() + o * run);
      }
    }
  }
};

}  // namespace

extern constinit const OpDef concatenation = define<Concatenation>();

}  // namespace hone::ops

namespace hone {

Variable concatenation(const std::vector<Variable>& xs, std::int64_t axis) {
  const auto attributes = std::make_shared<ops::Concatenation::Attributes>(
      ops::Concatenation::Attributes{.axis = axis});
  return std::move(apply(ops::concatenation, attributes, xs)[0]);
}

}  // namespace hone
