#include "ops/loss.h"

namespace hone {
namespace ops {
namespace {

/// |d|, d = x - t.
struct Mae {
  static constexpr std::string_view name = "mae";
  struct Attributes {
    Reduction reduction = Reduction::mean;
  };
  static double of(const Attributes&, float d) { return std::abs(d); }
  static float slope_of(const Attributes&, float d) {
    return static_cast<float>(d > 0) - static_cast<float>(d < 0);
  }
};

}  // namespace

extern constinit const OpDef mae = define<ElementwiseLoss<DifferenceLoss<Mae>>>();

}  // namespace ops

Variable mae(const Variable& prediction, const Variable& target, Reduction reduction) {
  return ops::apply_loss<ops::mae>(ops::Mae::Attributes{reduction}, {prediction, target});
}

}  // namespace hone
