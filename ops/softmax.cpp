#include "ops/op.h"

#include <algorithm>
#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/fixed_softmax.h"
#include "ops/products.h"

namespace hone::ops {
namespace {

/// y = e^(beta x) / its sum along the last axis.  x: rank 1 or more; y: the shape of x.
struct Softmax {
  static constexpr std::string_view name = "SOFTMAX";
  static constexpr int code = tflite::BuiltinOperator_SOFTMAX;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr bool normalizes = true;

  struct Attributes {
    float beta = 1.0f;
  };

  struct Plan {
    ByteSoftmax bytes;
    WordSoftmax words;
  };

  static Attributes parse(const Options& options) {
    return {.beta = options.as<tflite::SoftmaxOptions>().beta()};
  }

  /// Scale and zero point that the format wants of the output.
  static QuantParams outcome(DType in, DType out) {
    if (out == DType::int16) {
      if (in == DType::int16) return {.scale = 1.0f / 32768};
      return {.scale = 1.0f / 65536, .zero_point = -32768};
    }
    return {.scale = 1.0f / 256, .zero_point = out == DType::int8 ? -128 : 0};
  }

  static TensorType infer(const Attributes& o, const Call& call) {
    const TensorType& x = call.inputs[0];
    call.require_rank(0, 1, Shape::max_rank);
    if (!std::isfinite(o.beta)) call.refuse("expected a finite beta, got ", o.beta);
    if (!x.quantized()) return {x.dtype, x.shape};
    const DType out = call.declared(0, x.dtype);
    return {out == DType::int16 ? out : x.dtype, x.shape, outcome(x.dtype, out)};
  }

  static Plan prepare(const Attributes& o, const Call& call) {
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    if (x.dtype == DType::float32) return {};
    if (x.per_axis() || !(x.scale > 0)) call.refuse("expected one scale above 0, got ", x);
    const QuantParams want = outcome(x.dtype, y.dtype);
    if (std::abs(y.scale - want.scale) > 0.001f * want.scale || y.zero_point != want.zero_point) {
      call.refuse("expected output scale ", want.scale, " and zero point ", want.zero_point,
                  ", got ", y);
    }
    if (x.dtype == DType::int16) {
      if (x.zero_point != 0) call.refuse("expected zero_point 0 in int16 tensors, got ", x);
      if (!(o.beta > 0)) call.refuse("expected a beta above 0, got ", o.beta);
      return {{}, WordSoftmax::of(x.scale * o.beta)};
    }
    const double scale = static_cast<double>(o.beta) * static_cast<double>(x.scale);
    if (!(scale > 0x1p-26)) {
      call.refuse("expected beta times the input's scale above 2^-26, got ", scale);
    }
    return {ByteSoftmax::of(scale), {}};
  }

  template <class T>
  static void forward(const Attributes& o, const Plan& plan, const Forward& f) {
    const T* x = f.input<T>(0).data();
    const auto n = static_cast<std::size_t>(f.type_in(0).shape.back());
    const auto rows = [&](const auto& row) { each_row(f.inputs[0].numel(), n, row); };
    if constexpr (std::same_as<T, float>) {
      float* y = f.output<float>(0).data();
      rows([&](std::size_t i) {
        kernels().softmax({static_cast<std::ptrdiff_t>(n), o.beta, x + i, y + i});
      });
    } else if constexpr (std::same_as<T, std::int16_t>) {
      std::int16_t* y = f.output<std::int16_t>(0).data();
      rows([=, &plan](std::size_t i) { plan.words.row(x + i, y + i, n); });
    } else if (f.type_out(0).dtype == DType::int16) {
      std::int16_t* y = f.output<std::int16_t>(0).data();
      rows([=, &plan](std::size_t i) { plan.bytes.row(x + i, y + i, n); });
    } else {
      T* y = f.output<T>(0).data();
      const auto all = static_cast<std::int64_t>(n == 0 ? 0 : f.inputs[0].numel() / n);
      const auto row = static_cast<std::int64_t>(n);
      in_blocks(all, 1, 8.0 * static_cast<double>(n), [&](std::int64_t first, std::int64_t last) {
        kernels().softmax_bytes({.rows = last - first,
                                 .count = row,
                                 .x = reinterpret_cast<const std::int8_t*>(x + first * row),
                                 .is_unsigned = std::is_unsigned_v<T>,
                                 .exponentials = plan.bytes.exponentials.data(),
                                 .share = ByteSoftmax::share<8>,
                                 .y = reinterpret_cast<std::int8_t*>(y + first * row)});
      });
    }
  }

  static void backward(const Attributes& o, const Plan&, const Backward& b) {
    const float* x = b.saved_input(0).data();
    const float* gy = b.output_grad(0).data();
    float* gx = b.input_grad(0).data();
    const auto n = static_cast<std::size_t>(b.type_in(0).shape.back());
    // with y from the exact input: 8 bits of it would be too few
    each_row(b.input_grad(0).size(), n, [&](std::size_t i) {
      kernels().softmax_grad({static_cast<std::ptrdiff_t>(n), o.beta, x + i, gy + i, gx + i});
    });
  }
};

}  // namespace

extern constinit const OpDef softmax = define<Softmax>();

}  // namespace hone::ops

namespace hone {

Variable softmax(const Variable& x, float beta) {
  return apply_one(ops::softmax, ops::Softmax::Attributes{beta}, {x});
}

}  // namespace hone
