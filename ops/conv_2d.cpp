#include <hone/functions.h>

#include "ops/float_conv.h"
#include "ops/integer_conv.h"
#include "ops/kernels/direct_conv.h"
#include "ops/kernels/hybrid.h"
#include "ops/linear.h"
#include "ops/window_options.h"

namespace hone::ops {
namespace {

/// y = activation(b + x * w), cross-correlation in groups.
/// x: (N, H, W, C); w: (O, KH, KW, C / groups); b: (O) or absent; y: (N, OH, OW, O).
struct Conv2d {
  static constexpr std::string_view name = "CONV_2D";
  static constexpr int code = tflite::BuiltinOperator_CONV_2D;
  static constexpr Arity arity{2, 3};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves{Slots::of({0, 1}), {}, true};
  static constexpr Slots packs = Slots::of({1}), weights = Slots::of({1}), bias = Slots::of({2});
  static constexpr bool accumulates = true;

  struct Attributes : ConvOptions {
    bool int32_sums = false;  ///< int16 inputs: sums of 32 bits instead of 64
  };

  struct Plan {
    ConvShape shape;
    Requantize requantize;
    FloatRange range;
    bool symmetric = false;     // hybrid: images without a zero point
    std::vector<float> scales;  // hybrid: of the weights of each output
    FloatConv product;          // of floats, and all gradients
    IntegerConv integer;        // of 8-bit images
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::Conv2DOptions>();
    return {{.padding = padding(o.padding()),
             .stride_h = o.stride_h(),
             .stride_w = o.stride_w(),
             .dilation_h = o.dilation_h_factor(),
             .dilation_w = o.dilation_w_factor(),
             .activation = fused_activation(o.fused_activation_function())},
            o.quantized_bias_type() == tflite::TensorType_INT32};
  }

  static ConvShape shape(const Attributes& a, const Call& call) {
    call.require_rank(0, 4, 4);
    call.require_rank(1, 4, 4);
    const Shape &x = call.inputs[0].shape, &w = call.inputs[1].shape;
    ConvShape s;
    s.window = {checked_axis(call, "height", x[1], w[1], a.stride_h, a.dilation_h, a.padding),
                checked_axis(call, "width", x[2], w[2], a.stride_w, a.dilation_w, a.padding)};
    s.batch = x[0], s.in = x[3], s.out = w[0];
    if (w[3] < 1 || x[3] < 1 || x[3] % w[3] != 0) {
      call.refuse("expected an input with a multiple of ", w[3], " channels, got ", x[3]);
    }
    s.groups = x[3] / w[3];
    if (w[0] < 1 || w[0] % s.groups != 0) {
      call.refuse("expected weights for a multiple of ", s.groups, " outputs, got ", w[0]);
    }
    return s;
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const ConvShape s = shape(a, call);
    return {call.inputs[0].dtype, {s.batch, s.window.y.output, s.window.x.output, s.out}};
  }

  static double operations(std::span<const TensorType> in, std::span<const TensorType> out) {
    const Shape& w = in[1].shape;
    return 2 * static_cast<double>(out[0].numel()) * static_cast<double>(w[1] * w[2] * w[3]);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    Plan plan{.shape = shape(a, call), .range = FloatRange::of(a.activation)};
    const ConvShape& s = plan.shape;
    check_weights(call, s.out, 0);
    const TensorType& w = call.inputs[1];
    plan.product = FloatConv(s,
                             {.forward = w.dtype == DType::float32 || call.wanted.has(1),
                              .input_grad = call.wanted.has(0),
                              .keeps_table = call.keeps_packed},
                             call.memory);
    if (w.dtype == DType::float32) return plan;
    if (is_hybrid(call)) {
      for (std::int64_t o = 0; o < s.out; ++o) {
        plan.scales.push_back(w.scale_at(static_cast<std::size_t>(o)));
      }
      const auto unequal = [&](float scale) { return scale != plan.scales[0]; };
      plan.symmetric =
          s.groups == 1 && std::none_of(plan.scales.begin(), plan.scales.end(), unequal);
      return plan;
    }
    plan.requantize = Requantize::prepare(call, s.out, a.activation, w.dtype == DType::uint8);
    if (call.inputs[0].dtype != DType::int16) {
      plan.integer =
          IntegerConv(s, w, RequantFactors(plan.requantize), call.keeps_packed, call.memory);
    }
    return plan;
  }

  /// One image: with its padding, or as integers (hybrid, or widened).
  static std::size_t scratch_bytes(const Attributes&, const Plan& plan, const Call& call) {
    if (call.inputs[1].dtype == DType::float32) {
      return plan.product.forward_scratch() * sizeof(float);
    }
    if (!is_hybrid(call)) return plan.integer.scratch_bytes();
    return static_cast<std::size_t>(plan.shape.window.inputs() * plan.shape.in);
  }

  static std::size_t packed_bytes(const Attributes&, const Plan& plan, const Call& call) {
    if (call.inputs[1].dtype == DType::float32) return plan.product.packed_size() * sizeof(float);
    if (plan.integer.usable()) return plan.integer.packed_bytes();
    return static_cast<std::size_t>(plan.shape.weights()) * sizeof(std::int16_t);
  }

  static void pack(const Attributes&, const Plan& plan, const Forward& f) {
    if (plan.integer.usable()) return plan.integer.pack(f.inputs[1].raw(), f.packed.data());
    switch (f.type_in(1).dtype) {
      case DType::float32:
        return plan.product.pack(f.input<float>(1).data(), f.packed_as<float>());
      case DType::uint8:
        return pack_integers(plan, f, f.input<std::uint8_t>(1).data());
      default:
        return pack_integers(plan, f, f.input<std::int8_t>(1).data());
    }
  }

  template <class W>
  static void pack_integers(const Plan& plan, const Forward& f, const W* w) {
    pack_conv_weights(plan.shape, w, f.type_in(1).zero_point, f.packed_as<std::int16_t>());
  }

  template <class T>
  static void forward(const Attributes& a, const Plan& plan, const Forward& f) {
    if constexpr (std::same_as<T, float>) {
      plan.scales.empty() ? forward_float(plan, f) : forward_hybrid(plan, f);
    } else if constexpr (std::same_as<T, std::int16_t>) {
      a.int32_sums ? forward_integer<T, std::uint32_t>(plan, f)
                   : forward_integer<T, std::int64_t>(plan, f);
    } else if (plan.integer.usable()) {
      plan.integer.forward(f.input<T>(0).data(), f.type_in(0).zero_point, f.inputs[1].raw(),
                           f.packed.data(), f.has(2) ? f.input<std::int32_t>(2).data() : nullptr,
                           f.output<T>(0).data(), f.scratch.data());
    } else {
      forward_integer<T, std::uint32_t>(plan, f);
    }
  }

  static void forward_float(const Plan& plan, const Forward& f) {
    plan.product.forward(f.input<float>(0).data(), f.input<float>(1).data(), f.packed_as<float>(),
                         f.has(2) ? f.input<float>(2).data() : nullptr, plan.range.low,
                         plan.range.high, f.output<float>(0).data(),
                         reinterpret_cast<float*>(f.scratch.data()));
  }

  template <class T, class Sum>
  static void forward_integer(const Plan& plan, const Forward& f) {
    const IntegerBias b(f);
    T* y = f.output<T>(0).data();
    direct_conv<Sum>(plan.shape, f.input<T>(0).data(), f.type_in(0).zero_point,
                     f.packed_as<std::int16_t>(),
                     [&](std::int64_t pixel, std::int64_t o, const Sum* sums, std::int64_t count) {
                       T* to = y + pixel * plan.shape.out + o;
                       for (std::int64_t j = 0; j < count; ++j) {
                         to[j] = plan.requantize.template operator()<T>(o + j, sums[j], b[o + j]);
                       }
                     });
  }

  static void forward_hybrid(const Plan& plan, const Forward& f) {
    const auto b = f.input<float>(2);
    ConvShape image = plan.shape;
    image.batch = 1;
    const std::int64_t size = image.window.inputs() * image.in;
    auto* q = reinterpret_cast<std::int8_t*>(f.scratch.data());
    for (std::int64_t n = 0; n < plan.shape.batch; ++n) {
      const float* x = f.input<float>(0).data() + n * size;
      float* y = f.output<float>(0).data() + n * image.window.outputs() * image.out;
      const OnTheFly made =
          plan.symmetric ? quantize_symmetric(x, size, q) : quantize_asymmetric(x, size, q);
      direct_conv<std::uint32_t>(
          image, q, made.zero_point, f.packed_as<std::int16_t>(),
          [&](std::int64_t pixel, std::int64_t o, const std::uint32_t* sums, std::int64_t count) {
            float* to = y + pixel * image.out + o;
            for (std::int64_t j = 0; j < count; ++j) {
              const auto sum = static_cast<float>(static_cast<std::int32_t>(sums[j]));
              const float scale = plan.scales[static_cast<std::size_t>(o + j)] * made.scale;
              to[j] =
                  plan.range(sum * scale + (b.empty() ? 0.0f : b[static_cast<std::size_t>(o + j)]));
            }
          });
    }
  }

  static std::size_t backward_scratch_bytes(const Attributes&, const Plan& plan, const Call&) {
    return plan.product.weight_scratch() * sizeof(float);
  }

  static bool splits(const Plan& plan) { return plan.product.splits(); }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    if (b.wants(0)) {
      plan.product.input_grad(gy, b.saved_input(1).data(), b.input_grad(0).data(), b.adds(0),
                              b.rows);
    }
    if (b.wants(1)) {
      plan.product.weight_grad(gy, b.saved_input(0).data(), b.input_grad(1).data(), b.adds(1),
                               reinterpret_cast<float*>(b.scratch.data()), b.rows);
    }
    if (b.wants(2)) plan.product.bias_grad(gy, b.input_grad(2).data(), b.adds(2));
  }
};

}  // namespace

extern constinit const OpDef conv_2d = define<Conv2d>();

}  // namespace hone::ops

namespace hone {

Variable conv_2d(const Variable& x, const Variable& w, const Variable& b,
                 const ConvOptions& options) {
  return apply_one(ops::conv_2d, ops::Conv2d::Attributes{options, false}, {x, w, b});
}

}  // namespace hone
