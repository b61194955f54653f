#include <algorithm>
#include <optional>

#include <hone/train.h>

#include "ops/table.h"
#include "src/train/plan.h"

namespace hone {
namespace {

/// Multiply-adds at most for each element that an operator gives.  Dense convolutions have
/// hundreds, and their step three times those of its forward; depthwise ones of 3 x 3 have 9, the
/// first one of a picture 27, those that widen a few channels as many as there are.
constexpr double most_per_element = 32;

/// What running an operator again costs, in multiply-adds a byte of its outputs; nothing where that
/// is too much.
std::optional<double> cost(const Operator& op, std::span<const ModelTensor> tensors) {
  std::vector<TensorType> in, out;
  double elements = 0, given = 0, bytes = 0;
  for (const std::int32_t t : op.inputs) {
    in.push_back(t < 0 ? TensorType() : tensors[static_cast<std::size_t>(t)].type);
    elements = std::max(elements, static_cast<double>(in.back().numel()));
  }
  for (const std::int32_t t : op.outputs) {
    out.push_back(tensors[static_cast<std::size_t>(t)].type);
    elements = std::max(elements, static_cast<double>(out.back().numel()));
    given += static_cast<double>(out.back().numel());
    bytes += static_cast<double>(out.back().bytes());
  }
  const OpDef* def = ops::find(op.type());
  if (bytes == 0 || def == nullptr || in.size() < def->arity.least) return std::nullopt;
  // what is not counted reads or writes each once
  const double work = def->operations ? def->operations(in, out) / 2 : elements;
  if (work > most_per_element * given) return std::nullopt;
  return work / bytes;
}

class Choice {
 public:
  Choice(const Model& model, const PlanOptions& options, std::size_t budget)
      : model_(model),
        options_(options),
        budget_(budget),
        given_(options.recompute.size()),
        peak_(training_peak(model, options)) {
    const std::vector<ModelTensor> tensors = model.tensors();
    maker_.assign(tensors.size(), none);
    for (const Operator& op : model.operators()) {
      const std::optional<double> c = cost(op, tensors);
      if (!c) continue;
      cheap_.emplace_back(*c, op.index());
      for (const std::int32_t t : op.outputs) maker_[static_cast<std::size_t>(t)] = op.index();
    }
    std::stable_sort(cheap_.begin(), cheap_.end());
  }

  std::vector<std::size_t> made() {
    std::size_t idle = 0;  // operators in a row that lowered nothing
    for (std::size_t i = 0; peak_ > budget_ && idle < cheap_.size(); ++i) {
      const std::size_t op = cheap_[i % cheap_.size()].second;
      idle = !has(op) && lowers(op) ? 0 : idle + 1;
    }
    drop_idle();
    return options_.recompute;
  }

 private:
  static constexpr auto none = static_cast<std::size_t>(-1);

  bool has(std::size_t op) const {
    const auto& chosen = options_.recompute;
    return std::find(chosen.begin(), chosen.end(), op) != chosen.end();
  }

  /// An operator and the cheap ones before it: where none of their values is kept, computing one
  /// again keeps another, and only the whole run saves anything.
  std::vector<std::size_t> run_to(std::size_t op) const {
    std::vector<std::size_t> run{op};
    for (std::size_t i = 0; i < run.size(); ++i) {
      for (const std::int32_t t : model_.operators()[run[i]].inputs) {
        const std::size_t maker = t < 0 ? none : maker_[static_cast<std::size_t>(t)];
        if (maker != none && !has(maker) && std::find(run.begin(), run.end(), maker) == run.end())
          run.push_back(maker);
      }
    }
    return run;
  }

  /// Adds the operator, or its run, where that lowers the peak.
  bool lowers(std::size_t op) {
    if (lowers(std::vector{op})) return true;
    const std::vector<std::size_t> run = run_to(op);
    return run.size() > 1 && lowers(run);
  }

  /// Adds those operators where that lowers the peak.
  bool lowers(const std::vector<std::size_t>& operators) {
    PlanOptions more = options_;
    more.recompute.insert(more.recompute.end(), operators.begin(), operators.end());
    const std::size_t peak = training_peak(model_, more);
    if (peak >= peak_) return false;
    options_ = std::move(more);
    peak_ = peak;
    return true;
  }

  /// Takes back what does not matter any more, the latest first; each may have mattered for others.
  void drop_idle() {
    for (std::size_t i = options_.recompute.size(); i-- > given_;) {
      PlanOptions fewer = options_;
      fewer.recompute.erase(fewer.recompute.begin() + static_cast<std::ptrdiff_t>(i));
      const std::size_t peak = training_peak(model_, fewer);
      if (peak > std::max(peak_, budget_)) continue;
      options_ = std::move(fewer);
      peak_ = peak;
      i = options_.recompute.size();
    }
  }

  const Model& model_;
  PlanOptions options_;
  std::size_t budget_, given_, peak_;
  std::vector<std::pair<double, std::size_t>> cheap_;  // (cost, operator), cheapest first
  std::vector<std::size_t> maker_;                     // by tensor: the cheap operator, or none
};

}  // namespace

std::string text_of(const std::vector<std::size_t>& operators) {
  std::string text;
  for (const std::size_t op : operators) text += (text.empty() ? "#" : ",#") + std::to_string(op);
  return text;
}

std::vector<std::size_t> choose_recomputed(const Model& model, const PlanOptions& options,
                                           std::size_t budget) {
  return Choice(model, options, budget).made();
}

}  // namespace hone
