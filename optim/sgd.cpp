#include "ops/kernels/kernels.h"
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
    kernels().axpy({.count = static_cast<std::ptrdiff_t>(w.size()),
                    .factor = -info.lr,
                    .x = g.data(),
                    .y = w.data()});
  }
};

}  // namespace

extern constinit const UpdateRule sgd = define_rule<SgdRule>();

}  // namespace optim

const UpdateRule& SgdOptions::rule() noexcept { return optim::sgd; }

}  // namespace hone
