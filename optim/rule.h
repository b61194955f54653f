#pragma once
/// What the file of an optimizer includes.  A rule is a struct of static functions,
/// define_rule<T>() turns it into one constant UpdateRule:
///
///     name, slots                             couples_decay (optional)
///     check(options)                          optional; may throw
///     update(options, info, w, g, slots)      pure; noexcept, allocates nothing
///     in_place_lr                             optional: where it is not the default of the options

#include <cmath>

#include <hone/optim.h>

namespace hone {

template <class Rule>
constexpr UpdateRule define_rule() {
  using O = typename Rule::Options;
  UpdateRule r;
  r.name = Rule::name;
  r.slots = Rule::slots;
  if constexpr (requires { Rule::couples_decay; }) r.couples_decay = Rule::couples_decay;
  if constexpr (requires(const O& o) { Rule::check(o); }) {
    r.check = [](const void* options) { Rule::check(*static_cast<const O*>(options)); };
  }
  r.update = [](const void* options, StepInfo info, std::span<float> w, std::span<const float> g,
                SlotSpans slots) noexcept {
    Rule::update(*static_cast<const O*>(options), info, w, g, slots);
  };
  r.lr = O{}.lr;
  r.in_place_lr = r.lr;
  if constexpr (requires { Rule::in_place_lr; }) r.in_place_lr = Rule::in_place_lr;
  r.make = [](const Parameters& parameters, float lr,
              const StepOptions& step) -> std::unique_ptr<Optimizer> {
    return std::make_unique<OptimizerWith<O>>(parameters, O{.lr = lr}, step);
  };
  return r;
}

/// Throws Error unless low <= value < high.
inline void require_option(std::string_view rule, std::string_view option, double value, double low,
                           double high) {
  if (!(value >= low && value < high)) {
    fail(ErrorKind::argument, rule, "expected ", option, " in [", low, ", ", high, "), got ",
         value);
  }
}

}  // namespace hone
