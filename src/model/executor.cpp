#include "src/model/executor.h"

#include <algorithm>
#include <limits>

#include "src/tensor/dry_run.h"

namespace hone::model {
namespace {

std::size_t at(std::int32_t tensor) { return static_cast<std::size_t>(tensor); }

}  // namespace

Executor::Executor(Graph& graph, const ModelOptions& options, ModelMemory& memory)
    : graph_(graph), options_(options), memory_(memory) {
  const std::size_t n = graph.constants.size();
  leaves_.resize(n);
  parameters_.resize(n);
  folded_.resize(n);
  last_use_.resize(n);
  env_.resize(n);
  batched_.resize(n);
}

void Executor::bind(std::int32_t tensor, const Parameter* parameter) {
  parameters_[at(tensor)] = parameter;
  settled_ = false;
}

void Executor::bind(std::int32_t tensor, Variable leaf) {
  leaves_[at(tensor)] = std::move(leaf);
  settled_ = false;
}

void Executor::unbind_all() {
  std::fill(parameters_.begin(), parameters_.end(), nullptr);
  std::fill(leaves_.begin(), leaves_.end(), Variable());
  for (Node& node : graph_.nodes) std::fill(node.own.begin(), node.own.end(), nullptr);
  settled_ = false;
}

void Executor::settle() {
  if (settled_) return;
  const std::size_t tensors = graph_.constants.size();
  live_.assign(graph_.nodes.size(), false);
  foldable_.assign(graph_.nodes.size(), false);
  std::fill(folded_.begin(), folded_.end(), Variable());
  std::vector<bool> live_tensor(tensors, false), constant(tensors, false);
  for (std::size_t t = 0; t < tensors; ++t) {
    const bool leaf = parameters_[t] != nullptr || leaves_[t];
    live_tensor[t] = leaf;
    constant[t] = !leaf && graph_.constants[t];
  }
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    bool live = false, fold = node.op != nullptr && !node.inputs.empty();
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const std::int32_t t = node.inputs[slot];
      if (t < 0) continue;
      live |= live_tensor[at(t)] || node.own[slot] != nullptr;
      fold = fold && constant[at(t)];
      last_use_[at(t)] = n;
    }
    live_[n] = live;
    foldable_[n] = fold && !live;
    for (const std::int32_t t : node.outputs) {
      live_tensor[at(t)] = live;
      constant[at(t)] = foldable_[n];
      last_use_[at(t)] = n;
    }
  }
  for (const std::int32_t t : graph_.outputs) last_use_[at(t)] = graph_.nodes.size();
  cut_.clear();
  std::vector<bool> crosses(tensors, false);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    if (!live_[n]) continue;
    for (const std::int32_t t : graph_.nodes[n].inputs) {
      if (t < 0 || live_tensor[at(t)] || constant[at(t)] || crosses[at(t)]) continue;
      crosses[at(t)] = true;
      cut_.push_back(t);
    }
  }
  std::vector<bool> steps = live_;
  for (const Node& node : graph_.nodes) steps.push_back(node.recomputed);
  bindings_ = std::hash<std::vector<bool>>()(steps);
  settled_ = true;
}

const std::vector<std::int32_t>& Executor::cut() {
  settle();
  return cut_;
}

std::size_t Executor::working_bytes() {
  settle();
  const auto bytes = [&](const Shape& shape, DType dtype) {
    return shape.numel() * byte_size(dtype);
  };
  std::vector<std::size_t> of_tensor(graph_.constants.size(), 0);
  std::size_t live = 0, frozen = 0;
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    std::size_t written = 0, read = 0;
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      written += of_tensor[at(node.outputs[o])] = bytes(shape_of(node, o), node.declared[o].dtype);
    }
    for (const std::int32_t t : node.inputs) read += t < 0 ? 0 : of_tensor[at(t)];
    if (live_[n]) {
      live += written;
    } else {
      frozen = std::max(frozen, read + written);
    }
  }
  return std::max(live, frozen);
}

Variable Executor::value(std::size_t n, std::size_t slot) const {
  const Node& node = graph_.nodes[n];
  if (node.own[slot]) return node.own[slot]->variable();
  if (node.own_values[slot]) return Variable(node.own_values[slot]);
  const std::int32_t t = node.inputs[slot];
  if (t < 0) return {};
  if (env_[at(t)]) return env_[at(t)];
  if (parameters_[at(t)] != nullptr) return parameters_[at(t)]->variable();
  if (leaves_[at(t)]) return leaves_[at(t)];
  if (graph_.constants[at(t)]) return Variable(graph_.constants[at(t)]);
  if (folded_[at(t)]) return folded_[at(t)];
  fail(ErrorKind::file, node.cache->where, "expected a value for tensor #", t,
       ", nothing produces it");
}

void Executor::measure(std::span<Variable> inputs) {
  measured_.assign(env_.size(), Shape());
  measuring_ = true;
  try {
    run(Part::whole, graph_.inputs, inputs, graph_.outputs, 1);
  } catch (...) {
    measuring_ = false;
    measured_.clear();
    throw;
  }
  measuring_ = false;
}

const Shape& Executor::shape_of(const Node& node, std::size_t output) const {
  return measured_.empty() ? node.declared[output].shape : measured_[at(node.outputs[output])];
}

/// A constant RESHAPE holds the file's batch; for `factor` times as many samples its first
/// dimension grows with them.
Variable Executor::widened_shape(const Node& node, std::int64_t factor) const {
  const Shape& declared = shape_of(node, 0);
  Tensor shape(TensorType(DType::int32, {static_cast<std::int64_t>(declared.rank())}),
               options_.memory);
  const auto dims = shape.mutable_data<std::int32_t>();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    dims[i] = static_cast<std::int32_t>(declared[i] * (i == 0 ? factor : 1));
  }
  return Variable(std::move(shape));
}

/// Refuses to go on where samples could mix: each value that depends on the batch must have the
/// file's shape, its first dimension `factor` times as long, and only RESHAPE may change how many
/// rows a sample has.
void Executor::check_batch(const Node& node, std::span<const Variable> results,
                           std::int64_t factor) {
  const auto refuse = [&](const auto&... why) {
    fail(ErrorKind::unsupported, node.cache->where,
         "expected the file's batch, the samples of a larger one would mix: ", why...);
  };
  const bool reshape = node.type == "RESHAPE";
  std::int64_t rows = 0;
  bool any = false;
  for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
    const std::int32_t t = node.inputs[slot];
    if (t < 0 || !batched_[at(t)]) continue;
    any = true;
    const Shape& shape = inputs_[slot].shape();
    if (shape.rank() == 0) refuse("a scalar input");
    rows = std::max(rows, shape[0] / factor);
    if (shape.rank() == 1 && !reshape) refuse("an input of one dimension");
  }
  for (std::size_t o = 0; o < results.size(); ++o) {
    const Shape& got = results[o].shape();
    batched_[at(node.outputs[o])] = any && node.type != "SHAPE";
    if (!any || node.type == "SHAPE") continue;
    Shape expected = shape_of(node, o);
    if (expected.rank() == 0) refuse("a scalar output");
    expected[0] *= factor;
    if (got != expected) refuse("output of shape ", got);
    if (!reshape && got[0] / factor != rows) refuse("it changes the first dimension");
  }
}

/// Results are the caller's to keep; what folds and what keep shows stays too.
bool Executor::stays(std::size_t n) const {
  const std::vector<std::int32_t>& outputs = graph_.nodes[n].outputs;
  return keep || foldable_[n] ||
         std::any_of(outputs.begin(), outputs.end(), [&](auto t) { return result_[at(t)]; });
}

/// Lets go of what operator n is the last to read, but for its list of inputs; which those are.
Slots Executor::given_up(std::size_t n) {
  Slots given;
  const std::vector<std::int32_t>& inputs = graph_.nodes[n].inputs;
  for (unsigned slot = 0; slot < inputs.size() && slot < 31 && !keep; ++slot) {
    const std::int32_t t = inputs[slot];
    if (t < 0 || last_use_[at(t)] > n || result_[at(t)]) continue;
    env_[at(t)] = {};
    given.bits |= Slots::of({slot}).bits;
  }
  return given;
}

void Executor::call(std::size_t n, std::int64_t factor) {
  const Node& node = graph_.nodes[n];
  if (node.op == nullptr) fail(ErrorKind::unsupported, node.cache->where, node.problem);
  std::vector<Variable>& inputs = inputs_;
  inputs.resize(node.inputs.size());
  bool any_batched = false;
  for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
    inputs[slot] = value(n, slot);
    any_batched |= node.inputs[slot] >= 0 && batched_[at(node.inputs[slot])];
  }
  if (factor > 1 && any_batched && node.type == "RESHAPE") {
    const bool fixed = inputs.size() < 2 || graph_.constants[at(node.inputs[1])];
    inputs.resize(2);
    if (fixed && shape_of(node, 0).rank() > 0) inputs[1] = widened_shape(node, factor);
  }
  const Slots gives = given_up(n);
  const DryRun dry(dry_running() && !foldable_[n]);  // what folds is kept, and must be right
  Variables results = apply(*node.op, node.attributes, inputs,
                            {.declared = node.declared,
                             .cache = node.cache,
                             .memory = stays(n) ? memory_.kept() : memory_.step(),
                             .work = memory_.step(),
                             .kept = memory_.kept(),
                             .keeps_packed = options_.keep_packed_weights,
                             .max_bytes = options_.max_activation_bytes,
                             .gives = gives,
                             .recomputed = node.recomputed});
  if (results.size() != node.outputs.size()) {
    fail(ErrorKind::file, node.cache->where, "expected ", results.size(),
         " outputs, the file lists ", node.outputs.size());
  }
  if (factor > 1) check_batch(node, results, factor);
  for (std::size_t o = 0; o < results.size(); ++o) {
    const std::size_t t = at(node.outputs[o]);
    if (foldable_[n]) folded_[t] = results[o];
    if (keep) kept[t] = results[o].data();
    if (measuring_) measured_[t] = results[o].shape();
    env_[t] = std::move(results[o]);
  }
  inputs.clear();
}

std::uint64_t Executor::step_key(Part part, std::span<const std::int32_t> wanted,
                                 std::int64_t factor) {
  settle();
  std::uint64_t key = static_cast<std::uint64_t>(part);
  const auto mix = [&](std::uint64_t value) { key = (key ^ value) * 0x9e3779b97f4a7c15u; };
  mix(grad_enabled());
  mix(keep);
  mix(static_cast<std::uint64_t>(factor));
  mix(bindings_);
  for (const std::int32_t t : wanted) mix(static_cast<std::uint64_t>(t));
  return key;
}

Variables Executor::run(Part part, std::span<const std::int32_t> given, std::span<Variable> values,
                        std::span<const std::int32_t> wanted, std::int64_t factor) {
  settle();
  const ModelMemory::Running running(memory_, step_key(part, wanted, factor));
  const std::size_t last = graph_.nodes.size();
  if (keep) kept.assign(env_.size(), Tensor());
  // values of an interrupted run must not leak into this one
  std::fill(env_.begin(), env_.end(), Variable());
  std::fill(batched_.begin(), batched_.end(), false);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (keep) kept[at(given[i])] = values[i].data();
    batched_[at(given[i])] = factor > 1;
    env_[at(given[i])] = std::move(values[i]);
  }
  needed_.assign(env_.size(), false);
  for (const std::int32_t t : wanted) needed_[at(t)] = true;
  runs_.assign(last, false);
  for (std::size_t n = last; n-- > 0;) {
    const Node& node = graph_.nodes[n];
    const bool in_part = part == Part::whole || (part == Part::live) == live_[n] || foldable_[n];
    bool wants = keep;
    for (const std::int32_t t : node.outputs) wants |= needed_[at(t)] && !env_[at(t)];
    if (!in_part || !wants) continue;
    runs_[n] = true;
    for (const std::int32_t t : node.inputs) {
      if (t >= 0) needed_[at(t)] = true;
    }
  }
  result_.assign(env_.size(), false);
  for (const std::int32_t t : wanted) result_[at(t)] = true;
  for (std::size_t n = 0; n < last; ++n) {
    if (!runs_[n] || (foldable_[n] && folded_[at(graph_.nodes[n].outputs[0])])) continue;
    call(n, factor);
    for (const auto* list : {&graph_.nodes[n].inputs, &graph_.nodes[n].outputs}) {
      for (const std::int32_t t : *list) {
        if (t >= 0 && last_use_[at(t)] <= n && !result_[at(t)]) env_[at(t)] = {};
      }
    }
  }
  Variables results(options_.memory);
  for (const std::int32_t t : wanted) {
    if (env_[at(t)])
      results.push_back(env_[at(t)]);
    else if (folded_[at(t)])
      results.push_back(folded_[at(t)]);
    else if (parameters_[at(t)] != nullptr)
      results.push_back(parameters_[at(t)]->variable());
    else if (leaves_[at(t)])
      results.push_back(leaves_[at(t)]);
    else if (graph_.constants[at(t)])
      results.emplace_back(graph_.constants[at(t)]);
    else
      fail(ErrorKind::file, "model", "expected a value for tensor #", t, ", nothing produces it");
  }
  std::fill(env_.begin(), env_.end(), Variable());
  return results;
}

}  // namespace hone::model
