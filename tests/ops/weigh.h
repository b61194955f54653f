#pragma once
/// A scalar loss over several outputs.

#include <vector>

#include <hone/variable.h>

namespace hone::tests {

/// A scalar whose gradient for outputs[i] is weights[i] (float32, of its shape); outputs that carry
/// no gradient do not count.  Its value is the sum of dequantized output * weight.  Absent where no
/// output carries a gradient.
Variable weigh(std::span<const Variable> outputs, const std::vector<Tensor>& weights);

}  // namespace hone::tests
