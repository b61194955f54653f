#include <algorithm>
#include <cmath>

#include <hone/functions.h>

#include "ops/kernels/fixed_point.h"
#include "ops/op.h"

namespace hone::ops {
namespace {

/// Real values as integers: round(x / sy) + zy, halves away from zero, saturated; NaN as 0.
/// x: float32, or integers with a scale, which are requantized in fixed point.  Scales for each
/// index of an axis of y are honoured for float32.  The gradient is that of the real values, 1.
struct Quantize {
  static constexpr std::string_view name = "QUANTIZE";
  static constexpr int code = tflite::BuiltinOperator_QUANTIZE;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t> dtypes{};
  static constexpr bool passes = true;

  struct Attributes {
    DType dtype = DType::int8;  // where no file declares the output
    QuantParams quant;
  };

  struct Plan {
    Rescale factor;  // sx / sy
    std::int64_t low = 0, high = 0;
    // floats: element i has scale (i / inner) % channels
    std::size_t inner = 1, channels = 1;
  };

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes& a, const Call& call) {
    return {call.declared(0, a.dtype), call.inputs[0].shape, a.quant};
  }

  static Plan prepare(const Attributes&, const Call& call) {
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    constexpr std::array known{DType::int4, DType::int8, DType::uint8, DType::int16, DType::int32};
    if (!y.quantized() || std::find(known.begin(), known.end(), y.dtype) == known.end()) {
      call.refuse("expected an output of int4, int8, uint8, int16 or int32 with a scale, got ", y);
    }
    call.require_symmetric_int16();
    const auto [low, high] = integer_range(y.dtype);
    Plan plan{.low = low, .high = high};
    if (x.dtype != DType::float32) {
      if (!x.quantized()) call.refuse("expected an input with a scale, got ", x);
      if (x.per_axis() || y.per_axis()) {
        call.refuse("expected one scale for the whole of input and output, got ", x, " and ", y);
      }
      plan.factor = rescale(double{x.scale} / double{y.scale});
    } else if (y.per_axis()) {
      const auto axis = static_cast<std::size_t>(y.axis);
      if (axis >= y.shape.rank() ||
          y.axis_scales->size() != static_cast<std::size_t>(y.shape[axis])) {
        call.refuse("expected a scale for each index of dimension ", y.axis, " of ", y.shape,
                    ", got ", y.axis_scales->size());
      }
      plan.channels = y.axis_scales->size();
      for (std::size_t i = axis + 1; i < y.shape.rank(); ++i) {
        plan.inner *= static_cast<std::size_t>(y.shape[i]);
      }
    }
    return plan;
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    switch (f.type_out(0).dtype) {
      case DType::uint8:
        return convert<T, std::uint8_t>(plan, f);
      case DType::int16:
        return convert<T, std::int16_t>(plan, f);
      case DType::int32:
        return convert<T, std::int32_t>(plan, f);
      default:
        return convert<T, std::int8_t>(plan, f);
    }
  }

  template <class T, class Y>
  static void convert(const Plan& plan, const Forward& f) {
    const auto x = f.input<T>(0);
    const auto y = f.output<Y>(0);
    const TensorType& to = f.type_out(0);
    const auto clamped = [&](std::int64_t q) {
      return static_cast<Y>(std::clamp(q, plan.low, plan.high));
    };
    if constexpr (std::same_as<T, float>) {
      for (std::size_t i = 0, c = 0; i < x.size(); c = c + 1 == plan.channels ? 0 : c + 1) {
        const std::int32_t zero = to.axis_zero_points ? (*to.axis_zero_points)[c] : to.zero_point;
        const std::size_t n = to.per_axis() ? plan.inner : x.size();
        round_run(plan, to.scale_at(c), zero, x.subspan(i, n), y.subspan(i, n));
        i += n;
      }
    } else {
      const std::int64_t zx = f.type_in(0).zero_point, zy = to.zero_point;
      for (std::size_t i = 0; i < x.size(); ++i) {
        y[i] = clamped(zy + plan.factor(saturate<std::int32_t>(x[i] - zx)));
      }
    }
  }

  /// One scale, floats.  A division: a product with 1 / scale would round otherwise.
  template <class Y>
  static void round_run(const Plan& plan, float scale, std::int32_t zero, std::span<const float> x,
                        std::span<Y> y) {
    if constexpr (sizeof(Y) == 4) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        y[i] = saturate<Y>(std::int64_t{zero} + round_to_int32(double{x[i] / scale}));
      }
    } else {
      // Without a branch or a call.  Clamping first keeps to floats that are exact; the largest
      // float below 1/2 rounds halves away from zero and nothing else.
      const float low = static_cast<float>(plan.low - zero);
      const float high = static_cast<float>(plan.high - zero);
      for (std::size_t i = 0; i < x.size(); ++i) {
        float v = x[i] / scale;
        v = v == v ? v : 0.0f;
        v = v > low ? v : low;
        v = v < high ? v : high;
        const float half = v < 0 ? -0.49999997f : 0.49999997f;
        y[i] = static_cast<Y>(zero + static_cast<std::int32_t>(v + half));
      }
    }
  }
};

}  // namespace

extern constinit const OpDef quantize = define<Quantize>();

}  // namespace hone::ops

namespace hone {

Variable quantize(const Variable& x, DType dtype, const QuantParams& quant) {
  return apply_one(ops::quantize, ops::Quantize::Attributes{.dtype = dtype, .quant = quant}, {x});
}

}  // namespace hone
