#include "ops/loss.h"

namespace hone {
namespace ops {
namespace {

/// d^2 / 2 where |d| < delta, delta (|d| - delta / 2) elsewhere, d = x - t.
struct Huber {
  static constexpr std::string_view name = "huber";
  struct Attributes {
    float delta = 1.0f;
    Reduction reduction = Reduction::mean;
  };
  static void check(const Attributes& a, const Call& call) {
    if (!(a.delta > 0)) call.refuse("expected delta above 0, got ", a.delta);
  }
  static double of(const Attributes& a, float d) {
    const double m = std::abs(d), delta = a.delta;
    return m < delta ? m * m / 2 : delta * (m - delta / 2);
  }
  static float slope_of(const Attributes& a, float d) {
    return d != d ? d : std::clamp(d, -a.delta, a.delta);
  }
};

}  // namespace

extern constinit const OpDef huber = define<ElementwiseLoss<DifferenceLoss<Huber>>>();

}  // namespace ops

Variable huber(const Variable& prediction, const Variable& target, float delta,
               Reduction reduction) {
  return ops::apply_loss<ops::huber>(ops::Huber::Attributes{delta, reduction},
                                     {prediction, target});
}

}  // namespace hone
