#include <algorithm>

#include <hone/functions.h>

#include "ops/op.h"

namespace hone::ops {
namespace {

/// float32 in real units: scale * (q - zero_point), in double and rounded once, or float16 widened.
/// x: integers with one scale or one for each index of an axis, or float16.
struct Dequantize {
  static constexpr std::string_view name = "DEQUANTIZE";
  static constexpr int code = tflite::BuiltinOperator_DEQUANTIZE;
  static constexpr bool passes = true;

  struct Attributes {};

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes&, const Call& call) {
    const TensorType& x = call.inputs[0];
    if (x.dtype != DType::float16 && !x.quantized()) {
      call.refuse("expected integers with a scale or float16, got ", x);
    }
    return {DType::float32, x.shape};
  }

  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    hone::dequantize(f.type_in(0), f.inputs[0].raw(), f.output<float>(0));
  }
};

}  // namespace

extern constinit const OpDef dequantize = define<Dequantize>();

}  // namespace hone::ops

namespace hone {

Variable dequantize(const Variable& x) {
  return apply_one(ops::dequantize, ops::Dequantize::Attributes{}, {x});
}

}  // namespace hone
