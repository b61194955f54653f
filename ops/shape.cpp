#include <algorithm>

#include "ops/op.h"

namespace hone::ops {
namespace {

/// y = the dimensions of x, as int32 or int64.  No gradient: a shape is no function of values.
struct ShapeOf {
  static constexpr std::string_view name = "SHAPE";
  static constexpr int code = tflite::BuiltinOperator_SHAPE;

  struct Attributes {
    DType dtype = DType::int32;
  };

  static Attributes parse(const Options& options) {
    const auto type = options.as<tflite::ShapeOptions>().out_type();
    return {.dtype = type == tflite::TensorType_INT64 ? DType::int64 : DType::int32};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const DType dtype = call.declared(0, a.dtype);
    if (dtype != DType::int32 && dtype != DType::int64) {
      call.refuse("expected an output of int32 or int64, got ", dtype);
    }
    return {dtype, {static_cast<std::int64_t>(call.inputs[0].shape.rank())}};
  }

  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const Shape& x = f.type_in(0).shape;
    if (f.type_out(0).dtype == DType::int64) {
      std::copy(x.begin(), x.end(), f.output<std::int64_t>(0).begin());
    } else {
      std::transform(x.begin(), x.end(), f.output<std::int32_t>(0).begin(),
                     [](std::int64_t d) { return static_cast<std::int32_t>(d); });
    }
  }
};

}  // namespace

extern constinit const OpDef shape = define<ShapeOf>();

}  // namespace hone::ops
