#include <limits>

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

  // By value: std::max of references becomes a branch that the data decide.
  template <class T>
  static T larger(T a, T b) {
    return a > b ? a : b;
  }

  // Numbers of a row of an image that are compared side by side.
  static constexpr std::int64_t row_numbers = 4096;

  template <class T>
  static void forward_integer(const Plan& plan, const Forward& f) {
    if (plan.shape.window.x.input * plan.shape.channels > row_numbers) {
      return forward_windows<T>(plan, f);
    }
    const PoolShape& s = plan.shape;
    const WindowAxis& down = s.window.y;
    const std::int64_t width = s.window.x.input * s.channels;
    const T* x = f.input<T>(0).data();
    T* y = f.output<T>(0).data();
    T best[row_numbers];  // of the rows under a row of windows
    for (std::int64_t n = 0; n < s.batch; ++n, x += s.window.inputs() * s.channels) {
      for (std::int64_t i = 0; i < down.output; ++i, y += s.window.x.output * s.channels) {
        const Taps taps = down.taps(i);
        std::fill_n(best, width, std::numeric_limits<T>::lowest());
        for (std::int64_t t = taps.first; t < taps.last; ++t) {
          const T* from = x + down.at(i, t) * width;
          for (std::int64_t j = 0; j < width; ++j) best[j] = larger(best[j], from[j]);
        }
        largest_along(plan, best, y);
      }
    }
  }

  /// A row of outputs from the largest of the rows.
  template <class T>
  static void largest_along(const Plan& plan, const T* best, T* y) {
    const WindowAxis& across = plan.shape.window.x;
    const std::int64_t channels = plan.shape.channels;
    const auto low = static_cast<T>(plan.low), high = static_cast<T>(plan.high);
    for (std::int64_t i = 0; i < across.output; ++i, y += channels) {
      const Taps taps = across.taps(i);
      std::fill_n(y, channels, low);
      for (std::int64_t t = taps.first; t < taps.last; ++t) {
        const T* from = best + across.at(i, t) * channels;
        for (std::int64_t c = 0; c < channels; ++c) y[c] = larger(y[c], from[c]);
      }
      for (std::int64_t c = 0; c < channels; ++c) y[c] = y[c] < high ? y[c] : high;
    }
  }

  /// Rows of any width: window by window.
  template <class T>
  static void forward_windows(const Plan& plan, const Forward& f) {
    const T* x = f.input<T>(0).data();
    T* y = f.output<T>(0).data();
    const std::int64_t channels = plan.shape.channels;
    constexpr std::int64_t block = 64;
    plan.shape.each_output([&](std::int64_t input, std::int64_t output, const auto& each_tap) {
      for (std::int64_t c = 0; c < channels; c += block) {
        const std::int64_t count = std::min(block, channels - c);
        T best[block];
        std::fill_n(best, block, std::numeric_limits<T>::lowest());
        each_tap([&](std::int64_t at) {
          const T* from = x + input + at * channels + c;
          for (std::int64_t j = 0; j < count; ++j) best[j] = std::max(best[j], from[j]);
        });
        for (std::int64_t j = 0; j < count; ++j) {
          y[output + c + j] =
              static_cast<T>(std::clamp<std::int32_t>(best[j], plan.low, plan.high));
        }
      }
    });
  }

  /// All rows and channels of one image.
  static MaxPool image_of(const PoolShape& s) {
    const WindowAxis &y = s.window.y, &x = s.window.x;
    MaxPool p;
    p.shape = {.h = y.input,
               .w = x.input,
               .c = s.channels,
               .oh = y.output,
               .ow = x.output,
               .o = s.channels,
               .kh = y.size,
               .kw = x.size,
               .stride_h = y.stride,
               .stride_w = x.stride,
               .pad_top = y.before,
               .pad_left = x.before};
    p.last_channel = s.channels;
    p.last_row = y.output;
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
