#pragma once
/// What the double reference of an op says about one row at drawn inputs.

#include <vector>

#include "tests/ops/draw.h"
#include "tests/ops/rows.h"

namespace hone::tests {

struct Expected {
  std::vector<Values> outputs;    ///< activation applied
  std::vector<Values> tolerance;  ///< of each element, where the output is floating point
  std::vector<Values> direction;  ///< of each input; zero where it has no gradient
  /// Derivative of each output along the direction; without the activation where the output is
  /// an integer (straight-through: rounding has slope 1, the clamp is masked by the integers).
  std::vector<Values> slope;
  std::vector<std::vector<bool>> kink;  ///< no derivative here: nothing to compare with
};

/// Types that can carry a gradient: floating point, and integers with a scale.
bool has_gradient(const TensorType& type) noexcept;

Expected expect(const OpRows& op, const Row& row, const std::vector<Tensor>& inputs,
                Random& random);

}  // namespace hone::tests
