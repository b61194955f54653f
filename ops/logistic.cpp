#include "ops/op.h"

#include <cmath>
#include <tuple>
#include <utility>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/float_exp.h"
#include "ops/kernels/table_sigmoid.h"

namespace hone::ops {
namespace {

/// y = 1 / (1 + e^-x).  x: any shape; y: the shape of x.
struct Logistic {
  static constexpr std::string_view name = "LOGISTIC";
  static constexpr int code = tflite::BuiltinOperator_LOGISTIC;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr bool normalizes = true;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};

  struct Plan {
    ByteTable bytes;
    TableSigmoid words;

    template <class T>
    T operator()(T q) const noexcept {
      if constexpr (sizeof(T) == 1) {
        return bytes(q);
      } else {
        return words.sigmoid(q);
      }
    }
  };

  static Attributes parse(const Options&) { return {}; }

  /// Scale and zero point that the format wants of the output.
  static std::pair<float, std::int32_t> outcome(DType dtype) {
    if (dtype == DType::int16) return {1.0f / 32768, 0};
    return {1.0f / 256, dtype == DType::int8 ? -128 : 0};
  }

  static TensorType infer(const Attributes&, std::span<const TensorType> in) {
    TensorType y(in[0].dtype, in[0].shape);
    if (in[0].quantized()) std::tie(y.scale, y.zero_point) = outcome(in[0].dtype);
    return y;
  }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    if (x.dtype != DType::int16) {
      return {tables_of(call, [](double v) { return 1 / (1 + std::exp(-v)); }).bytes, {}};
    }
    call.require_symmetric_int16();
    if (y.scale != 1.0f / 32768) call.refuse("expected an output scale of 1/32768, got ", y.scale);
    return {{}, TableSigmoid::of(x.scale)};
  }

  template <class T>
  static void forward(const Attributes&, const Plan& integers, const Forward& f) {
    map<T>(f, integers, [](float x) { return fast_sigmoid(x); });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    chain(b, [](float x) {
      const float e = fast_exp(-std::abs(x));
      return e / ((1 + e) * (1 + e));
    });
  }
};

}  // namespace

extern constinit const OpDef logistic = define<Logistic>();

}  // namespace hone::ops

namespace hone {

Variable sigmoid(const Variable& x) {
  return apply_one(ops::logistic, ops::Logistic::Attributes{}, {x});
}

}  // namespace hone
