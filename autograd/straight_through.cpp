#include "autograd/straight_through.h"

#include <cmath>

#include "ops/kernels/kernels.h"

namespace hone {
namespace {

Activation activation_of(const OpDef& op, const void* attributes) noexcept {
  const Activation a = op.activation ? op.activation(attributes) : Activation::none;
  return a == Activation::tanh || a == Activation::sign_bit ? Activation::none : a;
}

template <class T, class Limit>
ClampGrad<T> clamp_grad(const Tensor& output, Limit low, Limit high,
                        std::span<float> grad) noexcept {
  return {.count = static_cast<std::ptrdiff_t>(grad.size()),
          .y = output.data<T>().data(),
          .lo = static_cast<T>(low),
          .hi = static_cast<T>(high),
          .g = grad.data()};
}

/// The types that hardly any model has.
template <class T>
void mask(const ClampGrad<T>& m) noexcept {
  for (std::ptrdiff_t i = 0; i < m.count; ++i) {
    m.g[i] = m.y[i] > m.lo && m.y[i] < m.hi ? m.g[i] : 0.0f;
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
  const Kernels& k = kernels();
  const Activation activation = activation_of(op, attributes);
  if (output.dtype() == DType::float32) {
    const auto [low, high] = range_of(activation);
    return k.clamp_grad(clamp_grad<float>(output, low, high, grad));
  }
  const auto [low, high] = quantized_range(activation, output.type());
  switch (output.dtype()) {
    case DType::int4:
    case DType::int8:
      k.clamp_grad_int8(clamp_grad<std::int8_t>(output, low, high, grad));
      break;
    case DType::uint8:
      mask(clamp_grad<std::uint8_t>(output, low, high, grad));
      break;
    case DType::int16:
      k.clamp_grad_int16(clamp_grad<std::int16_t>(output, low, high, grad));
      break;
    case DType::int32:
      mask(clamp_grad<std::int32_t>(output, low, high, grad));
      break;
    default:
      break;
  }
}

}  // namespace hone
