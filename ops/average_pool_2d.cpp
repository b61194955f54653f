#include "ops/linear.h"
#include "ops/pool.h"

namespace hone::ops {
namespace {

/// y = activation(mean of x under the window); padding does not count.
/// x: (N, H, W, C); y: (N, OH, OW, C), of the scale of x.
struct AveragePool2d : Pool {
  static constexpr std::string_view name = "AVERAGE_POOL_2D";
  static constexpr int code = tflite::BuiltinOperator_AVERAGE_POOL_2D;

  struct Plan {
    PoolShape shape;
    FloatRange range;
    std::int32_t low = 0, high = 0;
  };

  static Plan prepare(const Attributes& a, const Call& call) {
    check_scales(call);
    Plan plan{.shape = shape(a, call), .range = FloatRange::of(a.activation)};
    if (call.quantized()) {
      std::tie(plan.low, plan.high) = quantized_range(a.activation, call.outputs[0]);
    }
    return plan;
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    using Sum = std::conditional_t<std::same_as<T, float>, float, std::int64_t>;
    const T* x = f.input<T>(0).data();
    T* y = f.output<T>(0).data();
    const std::int64_t channels = plan.shape.channels;
    constexpr std::int64_t block = 32;
    plan.shape.each_output([&](std::int64_t input, std::int64_t output, const auto& each_tap) {
      for (std::int64_t c = 0; c < channels; c += block) {
        const std::int64_t count = std::min(block, channels - c);
        Sum sums[block] = {};
        std::int64_t taps = 0;
        each_tap([&](std::int64_t at) {
          const T* from = x + input + at * channels + c;
          for (std::int64_t j = 0; j < count; ++j) sums[j] += from[j];
          ++taps;
        });
        for (std::int64_t j = 0; j < count; ++j) y[output + c + j] = mean<T>(plan, sums[j], taps);
      }
    });
  }

  /// Halves away from zero; uint8 sums are not negative.
  template <class T, class Sum>
  static T mean(const Plan& plan, Sum sum, std::int64_t taps) {
    if constexpr (std::same_as<T, float>) {
      return plan.range(sum / static_cast<float>(taps));
    } else {
      const std::int64_t q = (sum > 0 ? sum + taps / 2 : sum - taps / 2) / taps;
      return static_cast<T>(std::clamp<std::int64_t>(q, plan.low, plan.high));
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    float* gx = started_grad(b, 0).data();
    const std::int64_t channels = plan.shape.channels;
    plan.shape.each_output([&](std::int64_t input, std::int64_t output, const auto& each_tap) {
      std::int64_t taps = 0;
      each_tap([&](std::int64_t) { ++taps; });
      const float share = 1.0f / static_cast<float>(taps);
      each_tap([&](std::int64_t at) {
        float* to = gx + input + at * channels;
        for (std::int64_t c = 0; c < channels; ++c) to[c] += gy[output + c] * share;
      });
    });
  }
};

}  // namespace

extern constinit const OpDef average_pool_2d = define<AveragePool2d>();

}  // namespace hone::ops

namespace hone {

Variable average_pool_2d(const Variable& x, const PoolOptions& options) {
  return apply_one(ops::average_pool_2d, options, {x});
}

}  // namespace hone
