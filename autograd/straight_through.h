#pragma once
/// The gradient of "round and clamp": 1 inside the clamp, 0 where the output sits at an end of it
/// (straight-through estimator; Bengio et al. 2013, arXiv 1308.3432, in the form of Jacob et al.
/// 2018, arXiv 1712.05877).

#include <hone/op.h>

namespace hone {

/// Whether the gradient of that output must be masked, and so the output be kept for backward.
bool has_clamp(const OpDef& op, const void* attributes, const void* plan,
               const TensorType& output) noexcept;

/// Zeroes `grad` where `output` sits at an end of its clamp: of the fused activation, of the
/// integer type.
void mask_clamped(const OpDef& op, const void* attributes, const Tensor& output,
                  std::span<float> grad) noexcept;

}  // namespace hone
