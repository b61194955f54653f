#include "ops/linear.h"
#include "ops/pool.h"
#include "ops/products.h"

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
    const Kernels* kernels = nullptr;
    PoolShape shape;
    FloatRange range;
    std::int32_t low = 0, high = 0;
    bool clamps = false;  // an integer that was chosen meets a clamp only in a fused activation
  };

  static Plan prepare(const Attributes& a, const Call& call) {
    check_scales(call);
    Plan plan{
        .kernels = &kernels(), .shape = shape(a, call), .range = FloatRange::of(a.activation)};
    plan.clamps = std::isfinite(plan.range.low);
    if (call.quantized()) {
      std::tie(plan.low, plan.high) = quantized_range(a.activation, call.outputs[0]);
    }
    return plan;
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    if constexpr (std::same_as<T, float>) {
      const PoolShape& s = plan.shape;
      MaxPool image = image_of(s);
      image.lo = plan.range.low, image.hi = plan.range.high;
      split(s, [&](std::int64_t n) {
        MaxPool part = image;
        part.x = f.input<T>(0).data() + n * s.window.inputs() * s.channels;
        part.out = f.output<T>(0).data() + n * s.window.outputs() * s.channels;
        plan.kernels->max_pool(part);
      });
    } else {
      forward_integer<T>(plan, f);
    }
  }

  template <class T>
  static void forward_integer(const Plan& plan, const Forward& f) {
    const PoolShape& s = plan.shape;
    const auto kernel = [&] {
      if constexpr (std::same_as<T, std::int8_t>) return plan.kernels->max_pool_int8;
      if constexpr (std::same_as<T, std::uint8_t>) return plan.kernels->max_pool_uint8;
      if constexpr (std::same_as<T, std::int16_t>) return plan.kernels->max_pool_int16;
    }();
    split(s, [&](std::int64_t n) {
      kernel({.shape = conv_of(s.window, s.channels, s.channels),
              .last_row = s.window.y.output,
              .x = f.input<T>(0).data() + n * s.window.inputs() * s.channels,
              .lo = static_cast<T>(plan.low),
              .hi = static_cast<T>(plan.high),
              .out = f.output<T>(0).data() + n * s.window.outputs() * s.channels});
    });
  }

  /// All rows and channels of one image.
  static MaxPool image_of(const PoolShape& s) {
    MaxPool p;
    p.shape = conv_of(s.window, s.channels, s.channels);
    p.last_channel = s.channels;
    p.last_row = s.window.y.output;
    return p;
  }

  /// Calls body(image) for each image, on all threads.
  template <class F>
  static void split(const PoolShape& s, F&& body) {
    const double work = static_cast<double>(s.window.outputs() * s.window.taps() * s.channels);
    in_blocks(s.batch, 1, work, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t n = first; n < last; ++n) body(n);
    });
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const PoolShape& s = plan.shape;
    float* gx = started_grad(b, 0).data();
    split(s, [&](std::int64_t n) {
      MaxPool part = image_of(s);
      part.x = b.saved_input(0).data() + n * s.window.inputs() * s.channels;
      part.gy = b.output_grad(0).data() + n * s.window.outputs() * s.channels;
      part.out = gx + n * s.window.inputs() * s.channels;
      plan.kernels->max_pool_input(part);
    });
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
