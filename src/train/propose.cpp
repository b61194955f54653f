#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include <hone/loss.h>
#include <hone/train.h>

#include "src/tensor/model_memory.h"
#include "src/train/shaped.h"

namespace hone {
namespace {

/// What each weight could learn, by tensor.
using Worth = std::map<std::int32_t, double>;

void count_values(const Parameters& parameters, Worth& worth) {
  for (const auto& p : parameters) worth[p->place().tensor] += static_cast<double>(p->numel());
}

/// Adds the squared norms of the gradients of one sample.
void add_squares(const Parameters& parameters, Worth& worth) {
  for (const auto& p : parameters) {
    const Tensor grad = p->grad();
    if (!grad) continue;
    double sum = 0;
    for (const float g : grad.data<float>()) sum += double{g} * double{g};
    worth[p->place().tensor] += sum;
  }
  parameters.clear_grads();
}

Worth worth_of(const Model& model, const PlanOptions& options, const Dataset* samples) {
  constexpr std::size_t most_samples = 8;
  Model copy = model.twin({});
  const Parameters parameters = copy.trainable(all(), options.weights);
  Worth worth;
  if (samples == nullptr) {
    count_values(parameters, worth);
    return worth;
  }
  const Dataset data = shaped(copy, *samples, "propose");
  const std::vector<std::size_t> order = data.order(0, 0);
  for (std::size_t i = 0; i < std::min(most_samples, order.size()); ++i) {
    const Batch batch = data.gather(std::span(order).subspan(i, 1));
    const bool at_logits = options.loss == Loss::xent || options.loss == Loss::bce;
    const Variable y = at_logits ? copy.logits(Variable(batch.x)) : copy(Variable(batch.x));
    loss_of(options.loss, y, batch.labels).backward();
    add_squares(parameters, worth);
  }
  return worth;
}

double total(const Worth& worth) {
  return std::accumulate(worth.begin(), worth.end(), 0.0,
                         [](double sum, const auto& entry) { return sum + entry.second; });
}

/// What a selector's weights could learn, as a share of all.
double score_of(const Model& model, const PlanOptions& options, const Worth& worth) {
  Model copy = model.twin({});
  Worth own;
  for (const auto& p : copy.trainable(options.train, options.weights)) {
    const auto found = worth.find(p->place().tensor);
    if (found != worth.end()) own[found->first] = found->second;
  }
  const double of = total(worth);
  return of > 0 ? total(own) / of : 0;
}

/// The largest micro-batch that fits, with packed weights before without; where none does, one that
/// fits with operators computed again, if there is one and `may_recompute`.
std::optional<Proposal> fitting(const Model& model, PlanOptions options, std::size_t budget,
                                bool may_recompute = true) {
  const std::size_t wanted = options.micro_batch, lanes = options.lanes;
  std::size_t kept_bytes = 0;
  for (std::size_t micro = wanted;;) {
    for (const bool keep : {true, false}) {
      options.micro_batch = micro;
      options.keep_packed_weights = keep;
      options.lanes = keep ? lanes : 1;
      MemoryPlan made = plan(model, options);
      if (made.peak_bytes <= budget) return Proposal{options, std::move(made), 0};
      micro = made.micro_batch;
      kept_bytes = made.kept_bytes;
    }
    if (micro <= 1) break;
    micro = (micro + 1) / 2;
  }
  if (!may_recompute || kept_bytes >= budget) return std::nullopt;
  options.recompute = choose_recomputed(model, options, budget);
  MemoryPlan made = plan(model, options);
  if (made.peak_bytes > budget) return std::nullopt;
  return Proposal{options, std::move(made), 0};
}

/// Runs of the last operators, with all biases or without, and all of them.
std::vector<std::string> selectors_of(const Model& model) {
  std::size_t operators = 0;
  for (const Operator& op : model.operators()) operators += op.trainable();
  std::vector<std::string> list{"all", "bias"};
  for (std::size_t k = 1; k < operators; k += k < 4 ? 1 : k / 3) {
    list.push_back("last:" + std::to_string(k));
    list.push_back("last:" + std::to_string(k) + ",bias");
  }
  return list;
}

/// All biases and, one after the other while they fit, the weights that could learn most for their
/// size: the sparse update of Lin et al. (2022), arXiv 2206.15472, found greedily.
std::optional<Proposal> sparse(const Model& model, PlanOptions options, std::size_t budget,
                               const Worth& worth) {
  const std::vector<ModelTensor> tensors = model.tensors();
  std::vector<std::pair<double, std::int32_t>> order;
  for (const auto& [tensor, value] : worth) {
    const std::size_t numel = tensors[static_cast<std::size_t>(tensor)].type.numel();
    order.emplace_back(-value / static_cast<double>(std::max<std::size_t>(numel, 1)), tensor);
  }
  std::sort(order.begin(), order.end());
  options.train = {"bias"};
  std::optional<Proposal> best = fitting(model, options, budget);
  constexpr std::size_t most = 24;
  for (std::size_t i = 0; best && i < std::min(most, order.size()); ++i) {
    PlanOptions more = best->options;
    more.train.text += ",#" + std::to_string(order[i].second);
    more.micro_batch = 1;
    more.lanes = options.lanes;
    if (auto next = fitting(model, more, budget, false)) best = std::move(next);
  }
  return best;
}

}  // namespace

std::vector<Proposal> propose(const Model& model, const PlanOptions& options, std::size_t budget,
                              const Dataset* samples) {
  const Worth worth = worth_of(model, options, samples);
  std::vector<Proposal> list;
  const auto keep = [&](std::optional<Proposal> proposal) {
    if (!proposal) return;
    proposal->score = score_of(model, proposal->options, worth);
    list.push_back(std::move(*proposal));
  };
  for (const std::string& selector : selectors_of(model)) {
    PlanOptions one = options;
    one.train = {selector};
    try {
      keep(fitting(model, one, budget));
    } catch (const Error& error) {
      // the selector names nothing here, such as biases of a model without any
      if (error.kind() == ErrorKind::memory) throw;
    }
  }
  keep(sparse(model, options, budget, worth));
  std::stable_sort(list.begin(), list.end(), [](const Proposal& a, const Proposal& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.plan.peak_bytes < b.plan.peak_bytes;
  });
  return list;
}

}  // namespace hone
