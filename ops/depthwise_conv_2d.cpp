#include <hone/functions.h>

#include "ops/integer_conv.h"
#include "ops/kernels/direct_depthwise.h"
#include "ops/kernels/hybrid.h"
#include "ops/linear.h"
#include "ops/products.h"
#include "ops/window_options.h"

namespace hone::ops {
namespace {

/// y = activation(b + x * w), each channel by its own M kernels.
/// x: (N, H, W, C); w: (1, KH, KW, C * M); b: (C * M) or absent; y: (N, OH, OW, C * M).
struct DepthwiseConv2d {
  static constexpr std::string_view name = "DEPTHWISE_CONV_2D";
  static constexpr int code = tflite::BuiltinOperator_DEPTHWISE_CONV_2D;
  static constexpr Arity arity{2, 3};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves{Slots::of({0, 1}), {}, true};
  static constexpr Slots packs = Slots::of({1}), weights = Slots::of({1}), bias = Slots::of({2});
  static constexpr bool accumulates = true;

  using Attributes = ConvOptions;

  struct Plan {
    const Kernels* kernels = nullptr;
    DepthwiseShape shape;
    Requantize requantize;
    FloatRange range;
    RequantFactors factors;
    bool in_bytes = false;      // int8 with one output a channel
    bool in_floats = false;     // other 8 bits: sums of whole numbers that floats hold
    std::vector<float> scales;  // hybrid: of the weights of each output
  };

  static Attributes parse(const Options& options) {
    // depth_multiplier is ignored: the shapes tell
    const auto& o = options.as<tflite::DepthwiseConv2DOptions>();
    return {.padding = padding(o.padding()),
            .stride_h = o.stride_h(),
            .stride_w = o.stride_w(),
            .dilation_h = o.dilation_h_factor(),
            .dilation_w = o.dilation_w_factor(),
            .activation = fused_activation(o.fused_activation_function())};
  }

  static DepthwiseShape shape(const Attributes& a, const Call& call) {
    call.require_rank(0, 4, 4);
    call.require_rank(1, 4, 4);
    const Shape &x = call.inputs[0].shape, &w = call.inputs[1].shape;
    if (w[0] != 1) call.refuse("expected weights of shape [1, KH, KW, outputs], got ", w);
    if (x[3] < 1 || w[3] < 1 || w[3] % x[3] != 0) {
      call.refuse("expected weights for a multiple of ", x[3], " outputs, got ", w[3]);
    }
    DepthwiseShape s;
    s.window = {checked_axis(call, "height", x[1], w[1], a.stride_h, a.dilation_h, a.padding),
                checked_axis(call, "width", x[2], w[2], a.stride_w, a.dilation_w, a.padding)};
    s.batch = x[0], s.in = x[3], s.multiplier = w[3] / x[3];
    return s;
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const DepthwiseShape s = shape(a, call);
    return {call.inputs[0].dtype, {s.batch, s.window.y.output, s.window.x.output, s.out()}};
  }

  static double operations(std::span<const TensorType> in, std::span<const TensorType> out) {
    const Shape& w = in[1].shape;
    return 2 * static_cast<double>(out[0].numel()) * static_cast<double>(w[1] * w[2]);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    Plan plan{
        .kernels = &kernels(), .shape = shape(a, call), .range = FloatRange::of(a.activation)};
    const std::int64_t outputs = plan.shape.out();
    check_weights(call, outputs, 3);
    const TensorType& w = call.inputs[1];
    if (is_hybrid(call)) {
      for (std::int64_t o = 0; o < outputs; ++o) {
        plan.scales.push_back(w.scale_at(static_cast<std::size_t>(o)));
      }
    } else if (w.dtype != DType::float32) {
      plan.requantize = Requantize::prepare(call, outputs, a.activation, w.dtype == DType::uint8);
      if (call.inputs[0].dtype != DType::int16) {
        plan.factors = RequantFactors(plan.requantize);
        plan.in_bytes = call.inputs[0].dtype == DType::int8 && w.dtype == DType::int8 &&
                        plan.shape.multiplier == 1;
        plan.in_floats = !plan.in_bytes && exact_in_floats(plan.shape);
      }
    }
    return plan;
  }

  /// Whether every sum of 8-bit products is below 2^24, where floats hold each whole number.
  static bool exact_in_floats(const DepthwiseShape& s) {
    return s.window.taps() * 255 * 255 < std::int64_t{1} << 24;
  }

  /// One image: hybrid as integers; bytes as floats, and its sums.
  static std::size_t scratch_bytes(const Attributes&, const Plan& plan, const Call& call) {
    const DepthwiseShape& s = plan.shape;
    const std::int64_t in = s.window.inputs() * s.in;
    if (is_hybrid(call)) return static_cast<std::size_t>(in);
    if (!plan.in_floats) return 0;
    return static_cast<std::size_t>(in + s.window.outputs() * s.out()) * sizeof(float);
  }

  /// Bytes as floats: the weights less their zero point.
  static std::size_t packed_bytes(const Attributes&, const Plan& plan, const Call& call) {
    return plan.in_floats ? call.inputs[1].numel() * sizeof(float) : 0;
  }

  static void pack(const Attributes&, const Plan& plan, const Forward& f) {
    const bool is_unsigned = f.type_in(1).dtype == DType::uint8;
    plan.kernels->dequantize(
        {.count = static_cast<std::int64_t>(f.inputs[1].numel()),
         .from = is_unsigned ? static_cast<const void*>(f.input<std::uint8_t>(1).data())
                             : f.input<std::int8_t>(1).data(),
         .is_unsigned = is_unsigned,
         .zero_point = f.type_in(1).zero_point,
         .to = f.packed_as<float>()});
  }

  template <class T>
  static void forward(const Attributes&, const Plan& plan, const Forward& f) {
    if constexpr (std::same_as<T, float>) {
      plan.scales.empty() ? forward_float(plan, f) : forward_hybrid(plan, f);
    } else if constexpr (std::same_as<T, std::int16_t>) {
      forward_integer<T, std::int8_t, std::int64_t>(plan, f);
    } else if (plan.in_floats) {
      forward_in_floats<T>(plan, f);
    } else if constexpr (std::same_as<T, std::uint8_t>) {
      forward_integer<T, std::uint8_t, std::uint32_t>(plan, f);
    } else {
      plan.in_bytes ? forward_bytes(plan, f)
                    : forward_integer<T, std::int8_t, std::uint32_t>(plan, f);
    }
  }

  /// All channels of one image.
  static Depthwise image_of(const DepthwiseShape& s) {
    Depthwise d;
    d.shape = conv_of(s.window, s.in, s.out());
    d.last_channel = s.in;
    return d;
  }

  // Channels of a block for one thread: whole cache lines.
  static constexpr std::int64_t channel_block = 16;

  /// Calls body(image, first channel, last channel) on all threads.
  template <class F>
  static void split(const DepthwiseShape& s, F&& body) {
    const std::int64_t blocks = (s.in + channel_block - 1) / channel_block;
    const double work = 2.0 * channel_block *
                        static_cast<double>(s.multiplier * s.window.outputs() * s.window.taps());
    in_blocks(s.batch * blocks, 1, work, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t at = first; at < last;) {
        const std::int64_t n = at / blocks, end = std::min(last, (n + 1) * blocks);
        body(n, (at - n * blocks) * channel_block,
             std::min(s.in, (end - n * blocks) * channel_block));
        at = end;
      }
    });
  }

  static void forward_float(const Plan& plan, const Forward& f) {
    const DepthwiseShape& s = plan.shape;
    Depthwise image = image_of(s);
    image.last_row = image.shape.oh;
    image.w = f.input<float>(1).data();
    image.bias = f.has(2) ? f.input<float>(2).data() : nullptr;
    image.lo = plan.range.low, image.hi = plan.range.high;
    const float* x = f.input<float>(0).data();
    float* y = f.output<float>(0).data();
    split(s, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      Depthwise part = image;
      part.first_channel = first, part.last_channel = last;
      part.x = x + n * s.window.inputs() * s.in;
      part.out = y + n * s.window.outputs() * s.out();
      plan.kernels->depthwise(part);
    });
  }

  static void forward_bytes(const Plan& plan, const Forward& f) {
    const DepthwiseShape& s = plan.shape;
    DepthwiseBytes image;
    image.shape = image_of(s).shape;
    image.last_row = image.shape.oh;
    image.x_zero_point = f.type_in(0).zero_point;
    image.w = f.input<std::int8_t>(1).data();
    image.w_zero_point = f.type_in(1).zero_point;
    image.requant = plan.factors.from(0, f.has(2) ? f.input<std::int32_t>(2).data() : nullptr);
    const std::int8_t* x = f.input<std::int8_t>(0).data();
    std::int8_t* y = f.output<std::int8_t>(0).data();
    split(s, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      DepthwiseBytes part = image;
      part.first_channel = first, part.last_channel = last;
      part.x = x + n * s.window.inputs() * s.in;
      part.y = y + n * s.window.outputs() * s.out();
      plan.kernels->depthwise_bytes(part);
    });
  }

  /// Whole numbers in floats, exact, then requantized.
  template <class T>
  static void forward_in_floats(const Plan& plan, const Forward& f) {
    const DepthwiseShape& s = plan.shape;
    const std::int64_t in = s.window.inputs() * s.in, pixels = s.window.outputs();
    auto* x = reinterpret_cast<float*>(f.scratch.data());
    float* sums = x + in;
    const std::int32_t* biases = f.has(2) ? f.input<std::int32_t>(2).data() : nullptr;
    DepthwiseShape one = s;
    one.batch = 1;
    Depthwise image = image_of(s);
    image.last_row = image.shape.oh;
    image.x = x, image.w = f.packed_as<float>(), image.out = sums;
    for (std::int64_t n = 0; n < s.batch; ++n) {
      plan.kernels->dequantize({.count = in,
                                .from = f.input<T>(0).data() + n * in,
                                .is_unsigned = std::is_unsigned_v<T>,
                                .zero_point = f.type_in(0).zero_point,
                                .to = x});
      split(one, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        Depthwise part = image;
        part.first_channel = first, part.last_channel = last;
        plan.kernels->depthwise(part);
      });
      auto* y = reinterpret_cast<std::int8_t*>(f.output<T>(0).data()) + n * pixels * s.out();
      in_blocks(pixels, 1, 20.0 * static_cast<double>(s.out()),
                [&](std::int64_t first, std::int64_t last) {
                  plan.kernels->requantize({.rows = last - first,
                                            .columns = s.out(),
                                            .sums = sums + first * s.out(),
                                            .sums_row = s.out(),
                                            .requant = plan.factors.from(0, biases),
                                            .to = y + first * s.out(),
                                            .to_row = s.out()});
                });
    }
  }

  template <class T, class W, class Sum>
  static void forward_integer(const Plan& plan, const Forward& f) {
    const IntegerBias b(f);
    T* y = f.output<T>(0).data();
    direct_depthwise<Sum>(
        plan.shape, f.input<T>(0).data(), f.type_in(0).zero_point, f.input<W>(1).data(),
        f.type_in(1).zero_point,
        [&](std::int64_t pixel, std::int64_t o, const Sum* sums, std::int64_t count) {
          T* to = y + pixel * plan.shape.out() + o;
          for (std::int64_t j = 0; j < count; ++j) {
            to[j] = plan.requantize.template operator()<T>(o + j, sums[j], b[o + j]);
          }
        });
  }

  static void forward_hybrid(const Plan& plan, const Forward& f) {
    const auto b = f.input<float>(2);
    DepthwiseShape image = plan.shape;
    image.batch = 1;
    const std::int64_t size = image.window.inputs() * image.in;
    auto* q = reinterpret_cast<std::int8_t*>(f.scratch.data());
    for (std::int64_t n = 0; n < plan.shape.batch; ++n) {
      float* y = f.output<float>(0).data() + n * image.window.outputs() * image.out();
      const OnTheFly made = quantize_asymmetric(f.input<float>(0).data() + n * size, size, q);
      direct_depthwise<std::uint32_t>(
          image, q, made.zero_point, f.input<std::int8_t>(1).data(), 0,
          [&](std::int64_t pixel, std::int64_t o, const std::uint32_t* sums, std::int64_t count) {
            float* to = y + pixel * image.out() + o;
            for (std::int64_t j = 0; j < count; ++j) {
              const auto channel = static_cast<std::size_t>(o + j);
              const auto sum = static_cast<float>(static_cast<std::int32_t>(sums[j]));
              const float scale = plan.scales[channel] * made.scale;
              to[j] = plan.range(sum * scale + (b.empty() ? 0.0f : b[channel]));
            }
          });
    }
  }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const DepthwiseShape& s = plan.shape;
    const float* gy = b.output_grad(0).data();
    if (b.wants(0)) input_grad(plan, b, gy);
    if (b.wants(1)) weight_grad(plan, b, gy);
    if (b.wants(2)) {
      column_sums(*plan.kernels, s.batch * s.window.outputs(), s.out(), gy, b.input_grad(2).data(),
                  b.adds(2));
    }
  }

  static void input_grad(const Plan& plan, const Backward& b, const float* gy) {
    const DepthwiseShape& s = plan.shape;
    const float* w = b.saved_input(1).data();
    float* gx = b.input_grad(0).data();
    if (b.adds(0)) return depthwise_input_grad(s, gy, w, gx);  // images that are parameters: rare
    Depthwise image = image_of(s);
    image.last_row = image.shape.h;
    image.w = w;
    split(s, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      Depthwise part = image;
      part.first_channel = first, part.last_channel = last;
      part.gy = gy + n * s.window.outputs() * s.out();
      part.out = gx + n * s.window.inputs() * s.in;
      plan.kernels->depthwise_input(part);
    });
  }

  static void weight_grad(const Plan& plan, const Backward& b, const float* gy) {
    const DepthwiseShape& s = plan.shape;
    const float* x = b.saved_input(0).data();
    const std::span<float> gw = started_grad(b, 1);
    // one image's channels in shares of a thread, the images of a channel one after the other
    DepthwiseShape channels = s;
    channels.batch = 1;
    split(channels, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      Depthwise part = image_of(s);
      part.first_channel = first, part.last_channel = last;
      part.out = gw.data();
      part.accumulate = true;
      for (std::int64_t n = 0; n < s.batch; ++n) {
        part.x = x + n * s.window.inputs() * s.in;
        part.gy = gy + n * s.window.outputs() * s.out();
        plan.kernels->depthwise_weights(part);
      }
    });
  }
};

}  // namespace

extern constinit const OpDef depthwise_conv_2d = define<DepthwiseConv2d>();

}  // namespace hone::ops

namespace hone {

Variable depthwise_conv_2d(const Variable& x, const Variable& w, const Variable& b,
                           const ConvOptions& options) {
  return apply_one(ops::depthwise_conv_2d, options, {x, w, b});
}

}  // namespace hone
