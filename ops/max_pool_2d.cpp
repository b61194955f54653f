#include "ops/linear.h"
#include "ops/pool.h"

namespace hone::ops {
namespace {

/// y = activation(largest x under the window); the gradient goes to the first of equal ones.
/// x: (N, H, W, C); y: (N, OH, OW, C), of the scale of x.
struct MaxPool2d : Pool {
  static constexpr std::string_view name = "MAX_POOL_2D";
  static constexpr int code = tflite::BuiltinOperator_MAX_POOL_2D;
  static constexpr bool moves = true;
  static constexpr Saves saves = Saves::inputs;

  struct Plan {
    PoolShape shape;
    FloatRange range;
    std::int32_t low = 0, high = 0;
    bool clamps = false;  // an integer that was chosen meets a clamp only in a fused activation
  };

  static Plan prepare(const Attributes& a, const Call& call) {
    check_scales(call);
    Plan plan{.shape = shape(a, call), .range = FloatRange::of(a.activation)};
    plan.clamps = std::isfinite(plan.range.low);
    if (call.quantized()) {
      std::tie(plan.low, plan.high) = quantized_range(a.activation, call.outputs[0]);
    }
    return plan;
  }

  /// Calls f(output offset, largest value, pixel it stands at) in blocks of channels.
  template <class T, class F>
  static void choose(const PoolShape& s, const T* x, F&& f) {
    constexpr std::int64_t block = 32;
    s.each_output([&](std::int64_t input, std::int64_t output, const auto& each_tap) {
      for (std::int64_t c = 0; c < s.channels; c += block) {
        const std::int64_t count = std::min(block, s.channels - c);
        T best[block] = {};
        std::int64_t where[block] = {};
        bool first = true;
        each_tap([&](std::int64_t at) {
          const T* from = x + input + at * s.channels + c;
          for (std::int64_t j = 0; j < count; ++j) {
            // written so that the first tap always counts, NaN included
            if (first || from[j] > best[j]) best[j] = from[j], where[j] = at;
          }
          first = false;
        });
        for (std::int64_t j = 0; j < count; ++j) {
          f(output + c + j, best[j], input + where[j] * s.channels + c + j);
        }
      }
    });
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    T* y = f.output<T>(0).data();
    choose(plan.shape, f.input<T>(0).data(), [&](std::int64_t to, T best, std::int64_t) {
      if constexpr (std::same_as<T, float>) {
        y[to] = plan.range(best);
      } else {
        y[to] = static_cast<T>(std::clamp<std::int32_t>(best, plan.low, plan.high));
      }
    });
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    float* gx = started_grad(b, 0).data();
    choose(plan.shape, b.saved_input(0).data(),
           [&](std::int64_t from, float, std::int64_t to) { gx[to] += gy[from]; });
  }
};

}  // namespace

extern constinit const OpDef max_pool_2d = define<MaxPool2d>();

}  // namespace hone::ops

namespace hone {

Variable max_pool_2d(const Variable& x, const PoolOptions& options) {
  return apply_one(ops::max_pool_2d, options, {x});
}

}  // namespace hone
