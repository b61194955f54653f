#include <hone/functions.h>

#include "ops/integer_conv.h"
#include "ops/kernels/hybrid.h"
#include "ops/kernels/product.h"
#include "ops/linear.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

/// y = activation(x w^T + b).
/// x: numel a multiple of I; w: (O, I); b: (O) or absent; y: (rows, O), or x's leading dimensions
/// and O.
struct FullyConnected {
  static constexpr std::string_view name = "FULLY_CONNECTED";
  static constexpr int code = tflite::BuiltinOperator_FULLY_CONNECTED;
  static constexpr Arity arity{2, 3};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves{Slots::of({0, 1}), {}, true};
  static constexpr Slots packs = Slots::of({1}), weights = Slots::of({1}), bias = Slots::of({2});
  static constexpr bool accumulates = true;

  struct Attributes : FullyConnectedOptions {
    bool shuffled = false;
  };

  struct Plan {
    const Kernels* kernels = nullptr;
    std::int64_t rows = 0, in = 0, out = 0;
    FloatRange range;
    std::int32_t low = 0, high = 0;
    std::vector<double> factors;  // sx * sw / sy: the reference rounds acc * factor in double
    IntegerConv integer;          // of 8-bit rows
    std::vector<float> scales;    // hybrid: of the weights of each output
  };

  static Attributes parse(const Options& options) {
    const auto& o = options.as<tflite::FullyConnectedOptions>();
    return {{.activation = fused_activation(o.fused_activation_function()),
             .keep_num_dims = o.keep_num_dims(),
             .asymmetric_quantize_inputs = o.asymmetric_quantize_inputs()},
            o.weights_format() != tflite::FullyConnectedOptionsWeightsFormat_DEFAULT};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    call.require_rank(1, 2, 2);
    if (a.shuffled) call.refuse("expected weights in the default format, got shuffled ones");
    const Shape &x = call.inputs[0].shape, &w = call.inputs[1].shape;
    if (w[1] < 1) call.refuse("expected weights with at least one input, got shape ", w);
    if (a.keep_num_dims) {
      if (x.rank() == 0 || x.back() != w[1]) {
        call.refuse("expected an input whose last dimension is ", w[1], ", got shape ", x);
      }
      Shape y = x;
      y[x.rank() - 1] = w[0];
      return {call.inputs[0].dtype, y};
    }
    const auto numel = static_cast<std::int64_t>(x.numel());
    if (numel % w[1] != 0) {
      call.refuse("expected an input with a multiple of ", w[1], " elements, got shape ", x);
    }
    return {call.inputs[0].dtype, {numel / w[1], w[0]}};
  }

  static double operations(std::span<const TensorType> in, std::span<const TensorType> out) {
    return 2 * static_cast<double>(out[0].numel()) * static_cast<double>(in[1].shape[1]);
  }

  static Plan prepare(const Attributes& a, const Call& call) {
    const TensorType &x = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
    Plan plan{.kernels = &kernels(),
              .in = w.shape[1],
              .out = w.shape[0],
              .range = FloatRange::of(a.activation)};
    plan.rows = static_cast<std::int64_t>(x.numel()) / plan.in;
    check_weights(call, plan.out, 0);
    if (x.dtype == DType::float32) {
      if (!is_hybrid(call)) return plan;
      for (std::int64_t o = 0; o < plan.out; ++o) {
        plan.scales.push_back(w.scale_at(static_cast<std::size_t>(o)));
      }
      return plan;
    }
    require_plain_scales(call);
    require_bias_scale(call);
    std::tie(plan.low, plan.high) = quantized_range(a.activation, y);
    for (std::int64_t o = 0; o < plan.out; ++o) {
      const double sw = w.scale_at(static_cast<std::size_t>(o));
      plan.factors.push_back(double{x.scale} * sw / double{y.scale});
    }
    if (x.dtype != DType::int16) {
      // a 1 x 1 convolution of an image with a pixel for each row
      const ConvShape shape = {
          .window = {{.input = 1, .output = 1}, {.input = plan.rows, .output = plan.rows}},
          .batch = 1,
          .in = plan.in,
          .out = plan.out};
      plan.integer =
          IntegerConv(shape, w, RequantFactors(plan.factors, y.zero_point, plan.low, plan.high),
                      call.keeps_packed, call.memory);
    }
    return plan;
  }

  /// Hybrid: one row as integers; 8 bits: all rows widened.
  static std::size_t scratch_bytes(const Attributes&, const Plan& plan, const Call&) {
    if (plan.scales.empty()) return plan.integer.scratch_bytes();
    return static_cast<std::size_t>(plan.in);
  }

  template <class T>
  static void forward(const Attributes& a, const Plan& plan, const Forward& f) {
    if constexpr (std::same_as<T, float>) {
      plan.scales.empty() ? forward_float(plan, f) : forward_hybrid(a, plan, f);
    } else if constexpr (std::same_as<T, std::int16_t>) {
      forward_integer<T, std::int8_t, std::int64_t>(plan, f);
    } else if (plan.integer.usable()) {
      plan.integer.forward(f.input<T>(0).data(), f.type_in(0).zero_point, f.inputs[1].raw(),
                           f.packed.data(), f.has(2) ? f.input<std::int32_t>(2).data() : nullptr,
                           f.output<T>(0).data(), f.scratch.data());
    } else if constexpr (std::same_as<T, std::uint8_t>) {
      forward_integer<T, std::uint8_t, std::uint32_t>(plan, f);
    } else {
      forward_integer<T, std::int8_t, std::uint32_t>(plan, f);
    }
  }

  /// Floats: the weights transposed, where many rows meet them.
  static std::size_t packed_bytes(const Attributes&, const Plan& plan, const Call& call) {
    if (plan.integer.usable()) return plan.integer.packed_bytes();
    const TensorType& w = call.inputs[1];
    return w.dtype != DType::float32 || prefers_dot(plan.rows) ? 0 : w.bytes();
  }

  static void pack(const Attributes&, const Plan& plan, const Forward& f) {
    if (plan.integer.usable()) return plan.integer.pack(f.inputs[1].raw(), f.packed.data());
    plan.kernels->transpose({.rows = plan.out,
                             .columns = plan.in,
                             .from = f.input<float>(1).data(),
                             .from_row = plan.in,
                             .to = f.packed_as<float>(),
                             .to_row = plan.out});
  }

  static void forward_float(const Plan& plan, const Forward& f) {
    const float* x = f.input<float>(0).data();
    const float* b = f.has(2) ? f.input<float>(2).data() : nullptr;
    float* y = f.output<float>(0).data();
    if (f.packed.empty()) {
      run(*plan.kernels, Dot{.m = plan.rows,
                             .n = plan.out,
                             .k = plan.in,
                             .a = x,
                             .a_row = plan.in,
                             .b = f.input<float>(1).data(),
                             .b_row = plan.in,
                             .c = y,
                             .c_row = plan.out,
                             .bias = b,
                             .lo = plan.range.low,
                             .hi = plan.range.high});
    } else {
      run(*plan.kernels, Gemm{.m = plan.rows,
                              .n = plan.out,
                              .k = plan.in,
                              .a = x,
                              .a_row = plan.in,
                              .b = f.packed_as<float>(),
                              .b_row = plan.out,
                              .c = y,
                              .c_row = plan.out,
                              .bias = b,
                              .lo = plan.range.low,
                              .hi = plan.range.high});
    }
  }

  template <class T, class W, class Sum>
  static void forward_integer(const Plan& plan, const Forward& f) {
    const T* x = f.input<T>(0).data();
    const W* w = f.input<W>(1).data();
    T* y = f.output<T>(0).data();
    const IntegerBias b(f);
    const std::int32_t zx = f.type_in(0).zero_point, zw = f.type_in(1).zero_point;
    const std::int32_t zy = f.type_out(0).zero_point;
    for (std::int64_t r = 0; r < plan.rows; ++r) {
      for (std::int64_t o = 0; o < plan.out; ++o) {
        auto sum = offset_dot<Sum>(x + r * plan.in, zx, w + o * plan.in, zw, plan.in);
        sum += static_cast<Sum>(b[o]);
        const double scaled = signed_value(sum) * plan.factors[static_cast<std::size_t>(o)];
        const std::int64_t q = std::int64_t{round_to_int32(scaled)} + zy;
        y[r * plan.out + o] = static_cast<T>(std::clamp<std::int64_t>(q, plan.low, plan.high));
      }
    }
  }

  static void forward_hybrid(const Attributes& a, const Plan& plan, const Forward& f) {
    const auto* w = f.input<std::int8_t>(1).data();
    const auto b = f.input<float>(2);
    auto* q = reinterpret_cast<std::int8_t*>(f.scratch.data());
    for (std::int64_t r = 0; r < plan.rows; ++r) {
      const float* x = f.input<float>(0).data() + r * plan.in;
      float* y = f.output<float>(0).data() + r * plan.out;
      const OnTheFly row = a.asymmetric_quantize_inputs ? quantize_asymmetric(x, plan.in, q)
                                                        : quantize_symmetric(x, plan.in, q);
      for (std::int64_t o = 0; o < plan.out; ++o) {
        const auto sum = offset_dot<std::uint32_t>(q, row.zero_point, w + o * plan.in, 0, plan.in);
        const float scale = row.scale * plan.scales[static_cast<std::size_t>(o)];
        const float start = b.empty() ? 0.0f : b[static_cast<std::size_t>(o)];
        y[o] = plan.range(start + static_cast<float>(static_cast<std::int32_t>(sum)) * scale);
      }
    }
  }

  static bool splits(const Plan&) { return true; }

  static void backward(const Attributes&, const Plan& plan, const Backward& b) {
    const std::int64_t rows = plan.rows, in = plan.in, out = plan.out;
    const float* gy = b.output_grad(0).data() + b.rows.first;
    if (b.wants(0)) {
      run(*plan.kernels, Gemm{.m = rows,
                              .n = in,
                              .k = b.rows.count,
                              .a = gy,
                              .a_row = out,
                              .b = b.saved_input(1).data(),
                              .b_row = in,
                              .c = b.input_grad(0).data(),
                              .c_row = in,
                              .accumulate = b.adds(0)});
    }
    if (b.wants(1)) {
      run(*plan.kernels, Gemm{.m = b.rows.count,
                              .n = in,
                              .k = rows,
                              .a = gy,
                              .a_row = 1,
                              .a_col = out,
                              .b = b.saved_input(0).data(),
                              .b_row = in,
                              .c = b.input_grad(1).data(),
                              .c_row = in,
                              .accumulate = b.adds(1)});
    }
    if (b.wants(2)) {
      column_sums(*plan.kernels, rows, out, gy, b.input_grad(2).data(), b.adds(2));
    }
  }
};

}  // namespace

extern constinit const OpDef fully_connected = define<FullyConnected>();

}  // namespace hone::ops

namespace hone {

Variable fully_connected(const Variable& x, const Variable& w, const Variable& b,
                         const FullyConnectedOptions& options) {
  return apply_one(ops::fully_connected, ops::FullyConnected::Attributes{options, false},
                   {x, w, b});
}

}  // namespace hone
