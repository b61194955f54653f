#include "ops/op.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/log_sum_exp.h"

namespace hone::ops {
namespace {

/// y = x - log(the sum of e^x along the last axis).  x: rank 1 or more; y: the shape of x.
struct LogSoftmax {
  static constexpr std::string_view name = "LOG_SOFTMAX";
  static constexpr int code = tflite::BuiltinOperator_LOG_SOFTMAX;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};

  struct Plan {
    std::array<float, 256> exponentials{};  // e^-d for a logit d units below the largest one
    float sx = 0, sy = 1;
    std::int32_t zy = 0;

    template <class T>
    void row(const T* x, T* y, std::size_t n) const noexcept {
      const std::int32_t largest = *std::max_element(x, x + n);
      float sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        sum += exponentials[static_cast<std::size_t>(largest - x[i])];
      }
      const float top = sx * static_cast<float>(largest) + std::log(sum);
      for (std::size_t i = 0; i < n; ++i) {
        const float v = (sx * static_cast<float>(x[i]) - top) / sy;
        y[i] = saturate<T>(std::int64_t{round_to_int32(std::nearbyint(v))} + zy);
      }
    }
  };

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes&, const Call& call) {
    const TensorType& x = call.inputs[0];
    call.require_rank(0, 1, Shape::max_rank);
    if (!x.quantized()) return {x.dtype, x.shape};
    return {
        x.dtype, x.shape, {.scale = 16.0f / 256, .zero_point = x.dtype == DType::int8 ? 127 : 255}};
  }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    Plan plan{.sx = x.scale, .sy = y.scale, .zy = y.zero_point};
    for (std::size_t d = 0; d < plan.exponentials.size(); ++d) {
      const float v = -x.scale * static_cast<float>(d);
      plan.exponentials[d] = static_cast<float>(std::exp(static_cast<double>(v)));
    }
    return plan;
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    const T* x = f.input<T>(0).data();
    T* y = f.output<T>(0).data();
    const auto n = static_cast<std::size_t>(f.type_in(0).shape.back());
    each_row(f.inputs[0].numel(), n, [&](std::size_t i) {
      if constexpr (std::same_as<T, float>) {
        const LogSum s = log_sum_exp(x + i, n);
        for (std::size_t k = i; k < i + n; ++k) y[k] = x[k] - s.largest - s.log_sum;
      } else {
        plan.row(x + i, y + i, n);
      }
    });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    const float* x = b.saved_input(0).data();
    const float* gy = b.output_grad(0).data();
    float* gx = b.input_grad(0).data();
    const auto n = static_cast<std::size_t>(b.type_in(0).shape.back());
    each_row(b.input_grad(0).size(), n, [=](std::size_t i) {
      kernels().softmax({.count = static_cast<std::ptrdiff_t>(n), .x = x + i, .y = gx + i});
      double total = 0;
      for (std::size_t k = i; k < i + n; ++k) total += static_cast<double>(gy[k]);
      const auto sum = static_cast<float>(total);
      for (std::size_t k = i; k < i + n; ++k) gx[k] = gy[k] - gx[k] * sum;
    });
  }
};

}  // namespace

extern constinit const OpDef log_softmax = define<LogSoftmax>();

}  // namespace hone::ops

namespace hone {

Variable log_softmax(const Variable& x) {
  return apply_one(ops::log_softmax, ops::LogSoftmax::Attributes{}, {x});
}

}  // namespace hone
