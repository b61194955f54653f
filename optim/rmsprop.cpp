#include "optim/rule.h"

namespace hone {
namespace optim {
namespace {

/// v = alpha v + (1 - alpha) g^2;  b = momentum * b + g / (sqrt(v) + epsilon);  w -= lr * b.
struct RmspropRule {
  using Options = RmspropOptions;
  static constexpr std::string_view name = "rmsprop";
  static constexpr std::string_view slots[] = {"square", "velocity"};

  static void check(const Options& o) {
    require_option(name, "alpha", o.alpha, 0, 1);
    require_option(name, "epsilon", o.epsilon, 1e-30, 1e30);
    require_option(name, "momentum", o.momentum, 0, 1);
  }
  static void update(const Options& o, StepInfo info, std::span<float> w, std::span<const float> g,
                     SlotSpans state) {
    const auto v = state[0], b = state[1];
    const auto keep = static_cast<float>(o.alpha), take = static_cast<float>(1 - o.alpha);
    const auto epsilon = static_cast<float>(o.epsilon);
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = keep * v[i] + take * (g[i] * g[i]);
      b[i] = o.momentum * b[i] + g[i] / (std::sqrt(v[i]) + epsilon);
      w[i] -= info.lr * b[i];
    }
  }
};

}  // namespace

extern constinit const UpdateRule rmsprop = define_rule<RmspropRule>();

}  // namespace optim

const UpdateRule& RmspropOptions::rule() noexcept { return optim::rmsprop; }

}  // namespace hone
