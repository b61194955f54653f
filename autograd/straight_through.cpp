#include "autograd/straight_through.h"

#include <cmath>

namespace hone {
namespace {

Activation activation_of(const OpDef& op, const void* attributes) noexcept {
  const Activation a = op.activation ? op.activation(attributes) : Activation::none;
  return a == Activation::tanh || a == Activation::sign_bit ? Activation::none : a;
}

template <class T, class Limit>
void mask(std::span<const T> output, Limit low, Limit high, std::span<float> grad) noexcept {
  for (std::size_t i = 0; i < grad.size(); ++i) {
    grad[i] = output[i] > low && output[i] < high ? grad[i] : 0.0f;
  }
}

}  // namespace

bool has_clamp(const OpDef& op, const void* attributes, const void* plan,
               const TensorType& output) noexcept {
  if (activation_of(op, attributes) != Activation::none) return true;
  if (!output.quantized()) return false;
  return op.clamps ? op.clamps(plan) : !op.moves;
}

void mask_clamped(const OpDef& op, const void* attributes, const Tensor& output,
                  std::span<float> grad) noexcept {
  const Activation activation = activation_of(op, attributes);
  if (output.dtype() == DType::float32) {
    const auto [low, high] = range_of(activation);
    mask(output.data<float>(), low, high, grad);
    return;
  }
  const auto [low, high] = quantized_range(activation, output.type());
  switch (output.dtype()) {
    case DType::int4:
    case DType::int8:
      mask(output.data<std::int8_t>(), low, high, grad);
      break;
    case DType::uint8:
      mask(output.data<std::uint8_t>(), low, high, grad);
      break;
    case DType::int16:
      mask(output.data<std::int16_t>(), low, high, grad);
      break;
    case DType::int32:
      mask(output.data<std::int32_t>(), low, high, grad);
      break;
    default:
      break;
  }
}

}  // namespace hone
