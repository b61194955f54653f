#include "ops/loss.h"

namespace hone {
namespace ops {
namespace {

/// d^2, d = x - t.
struct Mse {
  static constexpr std::string_view name = "mse";
  struct Attributes {
    Reduction reduction = Reduction::mean;
  };
  static double of(const Attributes&, float d) { return static_cast<double>(d) * d; }
  static float slope_of(const Attributes&, float d) { return 2 * d; }
};

}  // namespace

extern constinit const OpDef mse = define<ElementwiseLoss<DifferenceLoss<Mse>>>();

}  // namespace ops

Variable mse(const Variable& prediction, const Variable& target, Reduction reduction) {
  return ops::apply_loss<ops::mse>(ops::Mse::Attributes{reduction}, {prediction, target});
}

}  // namespace hone
