#include "optim/adam_step.h"

namespace hone {
namespace optim {
namespace {

/// w *= 1 - lr * weight_decay, then Adam's step.
struct AdamWRule {
  using Options = AdamWOptions;
  static constexpr std::string_view name = "adamw";
  static constexpr std::string_view slots[] = {"mean", "square"};
  static constexpr bool couples_decay = false;

  static void check(const Options& o) { check_adam(name, o); }
  static void update(const Options& o, StepInfo info, std::span<float> w, std::span<const float> g,
                     SlotSpans state) {
    const float keep = 1 - info.lr * o.weight_decay;
    for (float& v : w) v *= keep;
    adam_step(o, info, w, g, state[0], state[1]);
  }
};

}  // namespace

extern constinit const UpdateRule adamw = define_rule<AdamWRule>();

}  // namespace optim

const UpdateRule& AdamWOptions::rule() noexcept { return optim::adamw; }

}  // namespace hone
