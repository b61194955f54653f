#include <algorithm>
#include <cmath>
#include <numbers>

#include <hone/optim.h>

namespace hone {
namespace {

void require_steps(std::uint64_t steps) {
  if (steps == 0) fail(ErrorKind::argument, "schedule", "expected one step or more, got 0");
}

}  // namespace

Schedule Schedule::constant(double factor) {
  return Schedule([factor](std::uint64_t) { return factor; });
}

Schedule Schedule::step(std::uint64_t every, double factor) {
  require_steps(every);
  return Schedule([every, factor](std::uint64_t step) {
    return std::pow(factor, static_cast<double>(step / every));
  });
}

Schedule Schedule::cosine(std::uint64_t steps, double floor) {
  require_steps(steps);
  return Schedule([steps, floor](std::uint64_t step) {
    const double part = static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
    return floor + (1 - floor) * (1 + std::cos(std::numbers::pi * part)) / 2;
  });
}

Schedule Schedule::warm_up(std::uint64_t steps, double from) {
  require_steps(steps);
  return Schedule([steps, from](std::uint64_t step) {
    return from +
           (1 - from) * static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
  });
}

Schedule Schedule::then(std::uint64_t steps, Schedule next) const {
  return Schedule([first = *this, steps, second = std::move(next)](std::uint64_t step) {
    return step < steps ? first(step) : second(step - steps);
  });
}

Schedule operator*(const Schedule& a, const Schedule& b) {
  return Schedule([a, b](std::uint64_t step) { return a(step) * b(step); });
}

}  // namespace hone
