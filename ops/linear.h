#pragma once
/// What the ops with weights share: which element types go together, the bias, and the way from an
/// integer sum to an integer output.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "ops/op.h"

namespace hone::ops {

/// Room for n offsets that a plan keeps.
inline Tensor offsets(std::size_t n, std::pmr::memory_resource* memory) {
  return Tensor(TensorType(DType::int32, {static_cast<std::int64_t>(n)}), memory);
}

inline bool is_narrow(DType d) noexcept {
  return d == DType::int8 || d == DType::int4 || d == DType::int2;
}

/// Float activations, integer weights.
inline bool is_hybrid(const Call& call) noexcept {
  return call.inputs[0].dtype == DType::float32 && is_narrow(call.inputs[1].dtype);
}

/// Refuses pairs of activations and weights that no kernel takes, weights without a scale or with
/// a zero point that the format does not allow, and a bias that is not one value for each of
/// `outputs`.
inline void check_weights(const Call& call, std::int64_t outputs, int axis) {
  const TensorType &x = call.inputs[0], &w = call.inputs[1];
  const bool known = x.dtype == DType::float32 ? w.dtype == x.dtype || is_narrow(w.dtype)
                     : x.dtype == DType::uint8 ? w.dtype == x.dtype
                                               : is_narrow(w.dtype);
  if (!known) call.refuse("expected weights that fit ", x.dtype, " inputs, got ", w.dtype);
  if (w.dtype != DType::float32) {
    if (!w.quantized()) call.refuse("expected weights with a scale, got ", w);
    if (w.per_axis() && (w.axis != axis || w.dtype == DType::uint8)) {
      call.refuse("expected one scale for the weights or one for each index of axis ", axis,
                  ", got ", w);
    }
    const auto& zeros = w.axis_zero_points;
    const bool off = zeros && std::any_of(zeros->begin(), zeros->end(), [](auto z) { return z; });
    if (off || (w.zero_point != 0 && (w.per_axis() || x.dtype == DType::float32))) {
      call.refuse("expected weights with zero_point 0, got ", w);
    }
  }
  if (!call.has(2)) return;
  const TensorType& b = call.inputs[2];
  const bool fits = x.dtype == DType::float32 ? b.dtype == DType::float32
                    : x.dtype == DType::int16 ? b.dtype == DType::int64 || b.dtype == DType::int32
                                              : b.dtype == DType::int32;
  if (!fits) call.refuse("expected a bias that fits ", x.dtype, " inputs, got ", b.dtype);
  if (b.numel() != static_cast<std::size_t>(outputs)) {
    call.refuse("expected a bias of ", outputs, " values, got shape ", b.shape);
  }
}

/// Integer kernels: input 0 and output 0 are of one type, each with one scale, int16 without a zero
/// point.
inline void require_plain_scales(const Call& call) {
  const TensorType& x = call.inputs[0];
  if (!x.quantized()) call.refuse("expected an input with a scale, got ", x);
  call.require_quantized_output();
  call.require_symmetric_int16();
  const TensorType& y = call.outputs[0];
  if (x.per_axis() || y.per_axis()) {
    call.refuse("expected one scale for input 0 and one for the output, got ", x, " and ", y);
  }
}

/// Kernels with one scale for the weights take the bias for integers in steps of sx * sw, and
/// refuse one whose scale is off that by more than 0.02 sy: quantization spec, section 1.
inline void require_bias_scale(const Call& call) {
  if (!call.has(2) || call.inputs[1].per_axis()) return;
  const double product = double{call.inputs[0].scale * call.inputs[1].scale};
  const double scale = call.inputs[2].scale;
  if (std::abs(product - scale) / double{call.outputs[0].scale} <= 0.02) return;
  call.refuse("expected a bias in steps of ", product,
              ", the product of the scales of inputs 0 and 1, got ", scale);
}

/// The bias of integer kernels: int32 or int64 values, or none.
class IntegerBias {
 public:
  explicit IntegerBias(const Forward& f, std::size_t slot = 2) noexcept {
    if (!f.has(slot)) return;
    if (f.type_in(slot).dtype == DType::int64)
      wide_ = f.input<std::int64_t>(slot).data();
    else
      narrow_ = f.input<std::int32_t>(slot).data();
  }
  std::int64_t operator[](std::int64_t i) const noexcept {
    return narrow_ ? narrow_[i] : wide_ ? wide_[i] : 0;
  }

 private:
  const std::int32_t* narrow_ = nullptr;
  const std::int64_t* wide_ = nullptr;
};

/// a + b modulo 2^64: a forged bias must not overflow.
constexpr std::int64_t wrapped_sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

/// From integer sums to the integers of the output, one factor for each channel.
struct Requantize {
  std::vector<Rescale> factors;
  std::int32_t zero_point = 0, low = 0, high = 0;

  /// sx * sw / sy for each output channel.  quantization spec, section 2: doubles where weights
  /// are int8; `float_product`: sx * sw in float, as for uint8.
  static Requantize prepare(const Call& call, std::int64_t channels, Activation activation,
                            bool float_product) {
    require_plain_scales(call);
    const TensorType &x = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
    if (w.dtype == DType::uint8) require_bias_scale(call);
    Requantize r;
    r.zero_point = y.zero_point;
    std::tie(r.low, r.high) = quantized_range(activation, y);
    for (std::int64_t c = 0; c < channels; ++c) {
      const float sw = w.scale_at(static_cast<std::size_t>(c));
      const double product = float_product ? double{x.scale * sw} : double{x.scale} * double{sw};
      r.factors.push_back(rescale(product / double{y.scale}));
    }
    return r;
  }

  /// The output for a sum that wraps at 32 bits, as the format's kernels do.
  template <class T>
  T operator()(std::int64_t channel, std::uint32_t sum, std::int64_t bias) const noexcept {
    const auto total = static_cast<std::int32_t>(sum + static_cast<std::uint32_t>(bias));
    return clamped<T>(factors[static_cast<std::size_t>(channel)](total));
  }
  /// The output for a 64-bit sum.
  template <class T>
  T operator()(std::int64_t channel, std::int64_t sum, std::int64_t bias) const noexcept {
    return clamped<T>(factors[static_cast<std::size_t>(channel)].wide(wrapped_sum(sum, bias)));
  }

 private:
  template <class T>
  T clamped(std::int32_t scaled) const noexcept {
    return static_cast<T>(std::clamp<std::int64_t>(std::int64_t{scaled} + zero_point, low, high));
  }
};

/// The clamp of a float output.
struct FloatRange {
  float low = 0, high = 0;

  static FloatRange of(Activation activation) noexcept {
    const auto [low, high] = range_of(activation);
    return {low, high};
  }
  /// NaN stays NaN.
  float operator()(float v) const noexcept { return std::min(std::max(v, low), high); }
};

/// An input gradient, cleared unless it is to be added to.
inline std::span<float> started_grad(const Backward& b, std::size_t i) noexcept {
  const std::span<float> g = b.input_grad(i);
  if (!b.adds(i)) std::fill(g.begin(), g.end(), 0.0f);
  return g;
}

}  // namespace hone::ops
