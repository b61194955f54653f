#pragma once
/// What the losses share.

#include <hone/loss.h>

#include "ops/op.h"

namespace hone::ops {

/// Input i in real units; dequantized into `scratch` unless it is float32 already.
inline std::span<const float> real_values(const Forward& f, std::size_t i,
                                          std::span<float> scratch) {
  if (f.type_in(i).dtype == DType::float32) return f.input<float>(i);
  const auto x = scratch.first(f.type_in(i).numel());
  dequantize(f.type_in(i), f.inputs[i].raw(), x);
  return x;
}

/// Floats that real_values needs for input i.
inline std::size_t scratch_floats(const Call& call, std::size_t i) {
  return call.inputs[i].dtype == DType::float32 ? 0 : call.inputs[i].numel();
}

inline std::span<float> floats(std::span<std::byte> scratch) {
  return {reinterpret_cast<float*>(scratch.data()), scratch.size() / sizeof(float)};
}

inline void require_real(const Call& call, std::size_t i) {
  const TensorType& t = call.inputs[i];
  if (t.dtype != DType::float32 && t.dtype != DType::float16 && !t.quantized()) {
    call.refuse("expected input ", i, " of a floating or quantized type, got ", t);
  }
}

inline void require_same_shape(const Call& call) {
  if (call.inputs[0].shape != call.inputs[1].shape) {
    call.refuse("expected a target of shape ", call.inputs[0].shape, ", got ",
                call.inputs[1].shape);
  }
  if (call.inputs[0].numel() == 0)
    call.refuse("expected one element or more, got shape ", call.inputs[0].shape);
}

/// apply_one for losses: their plans depend on the types of their inputs only, so each thread keeps
/// the last one.
template <const OpDef& op, class Attributes>
Variable apply_loss(const Attributes& attributes, std::initializer_list<Variable> inputs) {
  thread_local const std::shared_ptr<CallCache> cache = [] {
    auto made = std::make_shared<CallCache>();
    made->where = op.name;
    return made;
  }();
  const std::pmr::polymorphic_allocator<Attributes> memory(default_memory());
  return std::move(apply(op, std::allocate_shared<Attributes>(memory, attributes),
                         std::span(inputs.begin(), inputs.size()), {.cache = cache})[0]);
}

/// A loss that is a sum over elements.  Rule: name, Attributes (with a `reduction`), and
///     value(attributes, x, t) -> double             the loss of one element
///     slope(attributes, x, t) -> float              d value / d x
///     target_slope(attributes, x, t) -> float       d value / d t
///     check(attributes, call)                       optional
template <class Rule>
struct ElementwiseLoss {
  static constexpr std::string_view name = Rule::name;
  static constexpr Arity arity{2, 2};
  static constexpr Saves saves = Saves::inputs;
  using Attributes = typename Rule::Attributes;

  static TensorType infer(const Attributes&, const Call& call) {
    require_real(call, 0);
    require_real(call, 1);
    require_same_shape(call);
    return {DType::float32, {}};
  }

  static void check(const Attributes& a, const Call& call) {
    if constexpr (requires { Rule::check(a, call); }) Rule::check(a, call);
  }

  static std::size_t scratch_bytes(const Attributes&, const NoPlan&, const Call& call) {
    return (scratch_floats(call, 0) + scratch_floats(call, 1)) * sizeof(float);
  }

  static void forward(const Attributes& a, const NoPlan&, const Forward& f) {
    auto scratch = floats(f.scratch);
    const auto x = real_values(f, 0, scratch);
    if (f.type_in(0).dtype != DType::float32) scratch = scratch.subspan(x.size());
    const auto t = real_values(f, 1, scratch);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += Rule::value(a, x[i], t[i]);
    f.output<float>(0)[0] = static_cast<float>(sum * share(a, x.size()));
  }

  static void backward(const Attributes& a, const NoPlan&, const Backward& b) {
    const auto x = b.saved_input(0), t = b.saved_input(1);
    const auto gy = static_cast<float>(b.output_grad(0)[0] * share(a, x.size()));
    if (b.wants(0)) {
      const auto gx = b.input_grad(0);
      for (std::size_t i = 0; i < x.size(); ++i) gx[i] = gy * Rule::slope(a, x[i], t[i]);
    }
    if (b.wants(1)) {
      const auto gt = b.input_grad(1);
      for (std::size_t i = 0; i < x.size(); ++i) gt[i] = gy * Rule::target_slope(a, x[i], t[i]);
    }
  }

 private:
  static double share(const Attributes& a, std::size_t n) {
    return a.reduction == Reduction::mean ? 1.0 / static_cast<double>(n) : 1.0;
  }
};

/// The same for losses of the difference x - t.
template <class Rule>
struct DifferenceLoss : Rule {
  static double value(const typename Rule::Attributes& a, float x, float t) {
    return Rule::of(a, x - t);
  }
  static float slope(const typename Rule::Attributes& a, float x, float t) {
    return Rule::slope_of(a, x - t);
  }
  static float target_slope(const typename Rule::Attributes& a, float x, float t) {
    return -Rule::slope_of(a, x - t);
  }
};

}  // namespace hone::ops
