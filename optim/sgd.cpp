#include "optim/rule.h"

namespace hone {
namespace optim {
namespace {

/// w -= lr * g.
struct SgdRule {
  using Options = SgdOptions;
  static constexpr std::string_view name = "sgd";
  static constexpr std::span<const std::string_view> slots{};

  static void update(const Options&, StepInfo info, std::span<float> w, std::span<const float> g,
                     SlotSpans) {
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= info.lr * g[i];
  }
};

}  // namespace

extern constinit const UpdateRule sgd = define_rule<SgdRule>();

}  // namespace optim

const UpdateRule& SgdOptions::rule() noexcept { return optim::sgd; }

}  // namespace hone
