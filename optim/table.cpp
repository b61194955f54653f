#include <algorithm>
#include <string>

#include <hone/optim.h>

namespace hone {
namespace optim {

#define HONE_OPTIMIZER(rule) extern constinit const UpdateRule rule;
#include "optim/table.inc"
#undef HONE_OPTIMIZER

namespace {

#define HONE_OPTIMIZER(rule) &rule,
constexpr const UpdateRule* table[] = {
#include "optim/table.inc"
};
#undef HONE_OPTIMIZER

const UpdateRule& find(std::string_view name) {
  std::string known;
  for (const UpdateRule* rule : table) {
    if (rule->name == name) return *rule;
    known.append(known.empty() ? "" : ", ").append(rule->name);
  }
  fail(ErrorKind::argument, "optimizer", "expected one of ", known, ", got \"", escaped(name), '"');
}

}  // namespace
}  // namespace optim

float recommended_lr(std::string_view optimizer, Update update) {
  const UpdateRule& rule = optim::find(optimizer);
  return update == Update::in_place ? rule.in_place_lr : rule.lr;
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view name, const Parameters& parameters,
                                          float lr, const StepOptions& step) {
  const UpdateRule& rule = optim::find(name);
  if (lr != 0) return rule.make(parameters, lr, step);
  // float32 values are moved as they are, whatever the update kind
  const bool in_place = std::any_of(parameters.begin(), parameters.end(), [](const auto& p) {
    return p->update() == Update::in_place && p->tensor().dtype() != DType::float32;
  });
  return rule.make(parameters, in_place ? rule.in_place_lr : rule.lr, step);
}

std::vector<std::string_view> optimizer_names() {
  std::vector<std::string_view> names;
  for (const UpdateRule* rule : optim::table) names.push_back(rule->name);
  return names;
}

}  // namespace hone
