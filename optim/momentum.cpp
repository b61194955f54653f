#include "optim/rule.h"

namespace hone {
namespace optim {
namespace {

/// v = momentum * v + g;  w -= lr * v.
struct MomentumRule {
  using Options = MomentumOptions;
  static constexpr std::string_view name = "momentum";
  static constexpr std::string_view slots[] = {"velocity"};
  static constexpr float in_place_lr = 0.005f;

  static void check(const Options& o) { require_option(name, "momentum", o.momentum, 0, 1); }
  static void update(const Options& o, StepInfo info, std::span<float> w, std::span<const float> g,
                     SlotSpans state) {
    const auto v = state[0];
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = o.momentum * v[i] + g[i];
      w[i] -= info.lr * v[i];
    }
  }
};

}  // namespace

extern constinit const UpdateRule momentum = define_rule<MomentumRule>();

}  // namespace optim

const UpdateRule& MomentumOptions::rule() noexcept { return optim::momentum; }

}  // namespace hone
