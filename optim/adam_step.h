#pragma once
/// The step that Adam and AdamW share.

#include "optim/rule.h"

namespace hone {

/// m and v move towards g and g^2, w against m / sqrt(v), both freed of their bias towards zero.
template <class Options>
void adam_step(const Options& o, StepInfo info, std::span<float> w, std::span<const float> g,
               std::span<float> m, std::span<float> v) noexcept {
  const auto t = static_cast<double>(info.step);
  const auto size = static_cast<float>(info.lr / (1 - std::pow(o.beta1, t)));
  const auto root = static_cast<float>(std::sqrt(1 - std::pow(o.beta2, t)));
  const auto take1 = static_cast<float>(1 - o.beta1), take2 = static_cast<float>(1 - o.beta2);
  const auto keep2 = static_cast<float>(o.beta2), epsilon = static_cast<float>(o.epsilon);
  for (std::size_t i = 0; i < w.size(); ++i) {
    m[i] += take1 * (g[i] - m[i]);
    v[i] = keep2 * v[i] + take2 * (g[i] * g[i]);
    w[i] -= size * (m[i] / (std::sqrt(v[i]) / root + epsilon));
  }
}

template <class Options>
void check_adam(std::string_view name, const Options& o) {
  require_option(name, "beta1", o.beta1, 0, 1);
  require_option(name, "beta2", o.beta2, 0, 1);
  require_option(name, "epsilon", o.epsilon, 1e-30, 1e30);
}

}  // namespace hone
