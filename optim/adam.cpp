#include "optim/adam_step.h"

namespace hone {
namespace optim {
namespace {

struct AdamRule {
  using Options = AdamOptions;
  static constexpr std::string_view name = "adam";
  static constexpr std::string_view slots[] = {"mean", "square"};

  static void check(const Options& o) { check_adam(name, o); }
  static void update(const Options& o, StepInfo info, std::span<float> w, std::span<const float> g,
                     SlotSpans state) {
    adam_step(o, info, w, g, state[0], state[1]);
  }
};

}  // namespace

extern constinit const UpdateRule adam = define_rule<AdamRule>();

}  // namespace optim

const UpdateRule& AdamOptions::rule() noexcept { return optim::adam; }

}  // namespace hone
