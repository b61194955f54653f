#include <algorithm>
#include <array>
#include <cmath>

#include <hone/optim.h>

#include "ops/kernels/kernels.h"
#include "ops/kernels/noise.h"
#include "src/tensor/dry_run.h"
#include "src/tensor/memory_tag.h"
#include "src/tensor/stopwatch.h"

namespace hone {
namespace {

/// Elements that are moved at a time: what the stack holds, and the first cache.
constexpr std::size_t tile = 1024;
constexpr std::size_t most_slots = 4;

void require_finite(const Parameter& parameter, const Tensor& grad) {
  if (dry_running()) return;
  const auto count = static_cast<std::ptrdiff_t>(grad.numel());
  if (kernels().finite({.count = count, .x = grad.data<float>().data()})) return;
  for (const float g : grad.data<float>()) {
    if (!std::isfinite(g)) {
      fail(ErrorKind::data, "step", "expected a finite gradient of \"", escaped(parameter.name()),
           "\", got ", g, "; a smaller lr or clip_norm may help");
    }
  }
}

void tell(const Stopwatch& watch, const Parameter& parameter) noexcept {
  if (watch) watch.tell({.part = Timing::Part::update, .parameter = &parameter});
}

bool finite_and_positive(float v) noexcept { return v > 0 && std::isfinite(v); }

}  // namespace

Optimizer::Optimizer(const UpdateRule& rule, StepOptions options)
    : rule_(&rule), options_(std::move(options)) {
  if (!(options_.clip_norm >= 0) || !(options_.clip_value >= 0)) {
    fail(ErrorKind::argument, rule.name, "expected clipping at 0 or more, got ", options_.clip_norm,
         " and ", options_.clip_value);
  }
}

Optimizer::~Optimizer() = default;

void Optimizer::add_group(const Parameters& parameters, float lr, float weight_decay,
                          std::shared_ptr<const void> options) {
  if (parameters.empty()) fail(ErrorKind::argument, rule_->name, "expected parameters, got none");
  if (!finite_and_positive(lr))
    fail(ErrorKind::argument, rule_->name, "expected lr above 0, got ", lr);
  if (!(weight_decay >= 0) || !std::isfinite(weight_decay))
    fail(ErrorKind::argument, rule_->name, "expected weight_decay of 0 or more, got ",
         weight_decay);
  if (rule_->check) rule_->check(options.get());
  std::vector<Entry> added;
  for (const auto& parameter : parameters) {
    const auto same = [&](const Entry& e) { return e.parameter == parameter; };
    if (std::any_of(entries_.begin(), entries_.end(), same) ||
        std::any_of(added.begin(), added.end(), same)) {
      fail(ErrorKind::argument, rule_->name, "expected each parameter once, got \"",
           escaped(parameter->name()), "\" twice");
    }
    const TakesMemory for_slots(Cause::slots);
    Entry& entry = added.emplace_back();
    entry.parameter = parameter;
    entry.group = groups_.size();
    for (std::size_t s = 0; s < rule_->slots.size(); ++s) {
      entry.slots.push_back(Tensor::zeros(TensorType(DType::float32, parameter->tensor().shape()),
                                          options_.memory ? options_.memory : parameter->memory()));
    }
  }
  groups_.push_back({lr, weight_decay, std::move(options)});
  std::move(added.begin(), added.end(), std::back_inserter(entries_));
}

float Optimizer::lr() const {
  return static_cast<float>(groups_[0].lr * options_.schedule(steps_));
}

Parameters Optimizer::parameters() const {
  std::vector<std::shared_ptr<Parameter>> list;
  for (const Entry& e : entries_) list.push_back(e.parameter);
  return Parameters(std::move(list));
}

std::size_t Optimizer::slot_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Entry& e : entries_) {
    for (const Tensor& s : e.slots) bytes += s.bytes();
  }
  return bytes;
}

void Optimizer::take_gradients() {
  bool any = false;
  for (Entry& e : entries_) {
    e.grad = e.parameter->grad();
    any |= static_cast<bool>(e.grad);
    // A float weight that is not a number shows in the next loss; an integer would hide it.
    if (e.grad && e.parameter->tensor().dtype() != DType::float32)
      require_finite(*e.parameter, e.grad);
  }
  if (!any) {
    fail(ErrorKind::state, "step",
         "expected a gradient, no parameter has one; call backward on a loss first");
  }
}

double Optimizer::norm_factor() {
  gradient_norm_ = 0;
  if (options_.clip_norm == 0) return 1;
  double sum = 0;
  const float limit = options_.clip_value;
  for (const Entry& e : entries_) {
    if (!e.grad) continue;
    for (const float g : e.grad.data<float>()) {
      const double v = limit > 0 ? std::clamp(g, -limit, limit) : g;
      sum += v * v;
    }
  }
  gradient_norm_ = std::sqrt(sum);
  return std::min(1.0, options_.clip_norm / (gradient_norm_ + 1e-6));
}

/// Moves the elements from `at` on.
void Optimizer::move(Entry& entry, std::size_t at, std::span<const float> gradients,
                     const StepInfo& info, float factor, std::uint64_t key) noexcept {
  if (dry_running()) return;
  const Group& group = groups_[entry.group];
  const float decay = rule_->couples_decay ? group.weight_decay : 0;
  const float limit = options_.clip_value;
  const bool as_they_are = decay == 0 && limit == 0 && factor == 1;
  const std::span<float> floats = entry.parameter->floats();
  alignas(64) std::array<float, tile> before, after, changed;
  for (std::size_t begin = 0; begin < gradients.size(); begin += tile) {
    const std::size_t n = std::min(tile, gradients.size() - begin);
    std::span<float> w = floats.empty() ? std::span(after).first(n) : floats.subspan(at + begin, n);
    if (floats.empty()) {
      entry.parameter->read(at + begin, std::span(before).first(n));
      std::copy_n(before.begin(), n, after.begin());
    }
    std::span<const float> g = gradients.subspan(begin, n);
    if (!as_they_are) {
      for (std::size_t i = 0; i < n; ++i) {
        const float clipped = limit > 0 ? std::clamp(g[i], -limit, limit) : g[i];
        changed[i] = clipped * factor + decay * w[i];
      }
      g = std::span(changed).first(n);
    }
    std::array<std::span<float>, most_slots> slots;
    for (std::size_t s = 0; s < entry.slots.size(); ++s)
      slots[s] = entry.slots[s].mutable_data<float>().subspan(at + begin, n);
    rule_->update(group.options.get(), info, w, g, std::span(slots).first(entry.slots.size()));
    if (floats.empty()) entry.parameter->move(at + begin, std::span(before).first(n), w, key);
  }
}

void Optimizer::step() {
  if (dry_running()) return parameters().clear_grads();
  take_gradients();
  const auto factor = static_cast<float>(norm_factor());
  const double schedule = options_.schedule(steps_);
  ++steps_;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (!entry.grad) continue;
    const Stopwatch watch;
    const StepInfo info{static_cast<float>(groups_[entry.group].lr * schedule), steps_};
    move(entry, 0, entry.grad.data<float>(), info, factor, noise_key(options_.seed, steps_, i));
    tell(watch, *entry.parameter);
  }
  for (Entry& entry : entries_) {
    if (!entry.grad) continue;
    const Stopwatch watch;
    entry.parameter->commit();
    entry.grad = {};
    entry.parameter->clear_grad();
    tell(watch, *entry.parameter);
  }
}

/// Moves parameters while a backward runs.
class Optimizer::Fused final : public GradientSink {
 public:
  explicit Fused(Optimizer& optimizer)
      : optimizer_(optimizer), schedule_(optimizer.options_.schedule(optimizer.steps_)) {}
  ~Fused() {
    if (moved_ && !dry_running()) ++optimizer_.steps_;
  }

  bool take(const VariableNode* leaf, const Tensor& grad) override {
    if (!takes_parts(leaf)) return false;
    take_part(leaf, 0, grad);
    return true;
  }

  bool takes_parts(const VariableNode* leaf) const override { return find(leaf) != none(); }

  void take_part(const VariableNode* leaf, std::size_t begin, const Tensor& grad) override {
    const std::size_t i = find(leaf);
    Entry& entry = optimizer_.entries_[i];
    Parameter& parameter = *entry.parameter;
    if (parameter.tensor().dtype() != DType::float32) require_finite(parameter, grad);
    const std::uint64_t step = optimizer_.steps_ + 1;
    const auto lr = static_cast<float>(optimizer_.groups_[entry.group].lr * schedule_);
    const Stopwatch watch;
    optimizer_.move(entry, begin, grad.data<float>(), {lr, step}, 1,
                    noise_key(optimizer_.options_.seed, step, i));
    const bool complete = begin + grad.numel() == parameter.numel();
    if (complete && !dry_running()) parameter.commit();
    tell(watch, parameter);
    moved_ = true;
  }

  bool moved() const noexcept { return moved_; }

 private:
  std::size_t none() const { return optimizer_.entries_.size(); }
  /// The entry whose parameter that is, or none().
  std::size_t find(const VariableNode* leaf) const {
    const auto& entries = optimizer_.entries_;
    const auto same = [&](const Entry& e) { return e.parameter->variable().node().get() == leaf; };
    return static_cast<std::size_t>(std::find_if(entries.begin(), entries.end(), same) -
                                    entries.begin());
  }

  Optimizer& optimizer_;
  double schedule_;
  bool moved_ = false;
};

void Optimizer::step(const Variable& loss, const Tensor& seed) {
  if (!can_fuse()) {
    fail(ErrorKind::argument, "step",
         "expected no clip_norm where gradients are consumed during backward, got ",
         options_.clip_norm);
  }
  gradient_norm_ = 0;
  Fused fused(*this);
  loss.backward(seed, &fused);
  if (!fused.moved()) {
    fail(ErrorKind::state, "step",
         "expected a loss that depends on the parameters, none has got a gradient");
  }
}

}  // namespace hone
