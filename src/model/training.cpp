#include <algorithm>
#include <cstring>

#include "src/model/state.h"
#include "src/tensor/memory_tag.h"
#include "src/tflite/writer.h"

namespace hone {
namespace {

using model::State;
using model::Weight;

/// Converters merge biases that merely are equal: a bias that several operators read is a parameter
/// for each of them.
bool merged_bias(const State& state, const Weight& w) {
  if (!w.bias) return false;
  const auto reads = [&](const Weight& other) { return other.tensor == w.tensor; };
  return std::count_if(state.weights.begin(), state.weights.end(), reads) > 1;
}

/// The present values of a weight: of its own entry, or of the tensor.
const Tensor& present(const State& state, const Weight& w) {
  const Tensor& own = state.graph.nodes[w.feeds].own_values[w.feeds_slot];
  return own ? own : state.graph.constants[static_cast<std::size_t>(w.tensor)];
}

State::Open* find_open(State& state, const Weight& w) {
  const bool merged = merged_bias(state, w);
  for (State::Open& open : state.open) {
    if (open.weight.tensor != w.tensor) continue;
    if (!merged || (open.weight.feeds == w.feeds && open.weight.feeds_slot == w.feeds_slot))
      return &open;
  }
  return nullptr;
}

State::Open& open_weight(State& state, const Weight& w, const TrainOptions& options, bool frozen) {
  if (State::Open* open = find_open(state, w); open != nullptr && open->training) return *open;
  const file::TensorInfo& info = state.file.tensor(0, w.tensor);
  const Tensor& value = present(state, w);
  const bool scaled = is_integer(value.dtype()) && !w.bias;
  const TakesMemory for_weights(static_cast<std::int32_t>(w.node), Cause::weights);
  auto parameter = std::make_shared<Parameter>(
      value, info.name, Parameter::Place{0, w.tensor},
      ParameterOptions{
          .update = options.update,
          .scales = scaled && options.update == Update::shadow ? options.scales : Scales::keep,
          .frozen = frozen,
          .memory = state.options.memory});
  if (merged_bias(state, w)) {
    state.graph.nodes[w.feeds].own[w.feeds_slot] = parameter;
    state.executor.bindings_changed();
  } else {
    state.executor.bind(w.tensor, parameter.get());
  }
  if (State::Open* open = find_open(state, w)) {
    *open = {w, std::move(parameter), true};
    return *open;
  }
  state.open.push_back({w, std::move(parameter), true});
  return state.open.back();
}

/// Ties the integer bias of each opened weight to it: its scale is that of the input times that of
/// the weight, so it must move when the weight's does.
void follow_scales(State& state, const std::vector<Weight>& chosen, const TrainOptions& options) {
  if (options.scales != Scales::refresh) return;
  for (const Weight& w : chosen) {
    if (w.bias) continue;
    const auto parameter = find_open(state, w)->parameter;
    const model::Node& node = state.graph.nodes[w.node];
    const std::int32_t x = node.inputs[0];
    if (x < 0 || !parameter->tensor().type().quantized() ||
        !state.file.tensor(0, x).type.quantized())
      continue;
    for (const Weight& b : state.weights) {
      if (b.node != w.node || !b.bias) continue;
      State::Open& bias = open_weight(state, b, options, true);
      if (!bias.parameter->follows())
        bias.parameter->follow(parameter, state.file.tensor(0, x).type.scale);
    }
  }
}

}  // namespace

Parameters Model::trainable(const Selector& selector, const TrainOptions& options) {
  State& state = *state_;
  if (options.update == Update::in_place && options.scales == Scales::refresh) {
    fail(ErrorKind::argument, "trainable",
         "expected scales kept with in-place updates, got scales refreshed");
  }
  std::vector<Weight> chosen = model::select(selector, state.graph, state.file, state.weights);
  const std::string first_reason = state.operators[chosen[0].node].why_not_trainable();
  std::erase_if(chosen, [&](const Weight& w) { return !state.operators[w.node].trainable(); });
  if (chosen.empty()) {
    fail(ErrorKind::unsupported, "trainable", "expected weights that gradients reach, \"",
         escaped(selector.text), "\" names none: ", first_reason);
  }
  std::vector<std::shared_ptr<Parameter>> list;
  for (const Weight& w : chosen) {
    const auto parameter = open_weight(state, w, options, false).parameter;
    if (std::find(list.begin(), list.end(), parameter) == list.end()) list.push_back(parameter);
  }
  follow_scales(state, chosen, options);
  return Parameters(std::move(list));
}

std::vector<Variable> Model::share(const Parameters& parameters) {
  State& state = *state_;
  std::vector<Variable> leaves;
  for (const auto& parameter : parameters) {
    const std::int32_t t = parameter->place().tensor;
    const auto merged = [&](const Weight& w) { return w.tensor == t && merged_bias(state, w); };
    const bool whole =
        parameter->scales() == Scales::keep &&
        parameter->tensor().type() == state.graph.constants[static_cast<std::size_t>(t)].type();
    if (!whole || std::any_of(state.weights.begin(), state.weights.end(), merged)) break;
    leaves.emplace_back(parameter->tensor(), Grad::yes, parameter->name(), parameter->memory());
    state.executor.bind(t, leaves.back());
  }
  return leaves;
}

void Model::freeze() {
  State& state = *state_;
  for (State::Open& open : state.open) {
    if (!open.training) continue;
    const Weight& w = open.weight;
    open.training = false;
    if (merged_bias(state, w)) {
      state.graph.nodes[w.feeds].own_values[w.feeds_slot] = open.parameter->tensor().clone();
    } else {
      state.graph.constants[static_cast<std::size_t>(w.tensor)] = open.parameter->tensor().clone();
    }
  }
  state.executor.unbind_all();
}

std::vector<std::pair<std::int32_t, Variable>> Model::open_constants() {
  State& state = *state_;
  freeze();
  std::vector<std::pair<std::int32_t, Variable>> leaves;
  for (std::size_t t = 0; t < state.graph.constants.size(); ++t) {
    const Tensor& value = state.graph.constants[t];
    if (!value || !(value.type().quantized() || value.dtype() == DType::float32 ||
                    value.dtype() == DType::float16)) {
      continue;
    }
    const auto index = static_cast<std::int32_t>(t);
    leaves.emplace_back(index, Variable(value, Grad::yes, state.file.tensor(0, index).name));
    state.executor.bind(index, leaves.back().second);
  }
  return leaves;
}

void Model::recompute(const std::vector<std::size_t>& operators) {
  std::vector<model::Node>& nodes = state_->graph.nodes;
  for (const std::size_t n : operators) {
    if (n >= nodes.size()) {
      fail(ErrorKind::argument, "recompute", "expected operators below #", nodes.size(), ", got #",
           n);
    }
  }
  for (model::Node& node : nodes) node.recomputed = false;
  for (const std::size_t n : operators) nodes[n].recomputed = true;
  state_->executor.bindings_changed();
}

std::vector<std::size_t> Model::recomputed() const {
  std::vector<std::size_t> operators;
  for (std::size_t n = 0; n < state_->graph.nodes.size(); ++n) {
    if (state_->graph.nodes[n].recomputed) operators.push_back(n);
  }
  return operators;
}

std::vector<std::byte> Model::bytes() const {
  const State& state = *state_;
  file::Changes changes;
  for (const State::Open& open : state.open) {
    const Tensor& now = open.parameter->tensor();
    const Tensor before = state.file.constant(0, open.weight.tensor);
    const bool same = now.type() == before.type() &&
                      (now.bytes() == 0 || std::memcmp(now.raw(), before.raw(), now.bytes()) == 0);
    if (same) continue;
    if (merged_bias(state, open.weight)) {
      changes.unties.push_back({0, open.weight.feeds, open.weight.feeds_slot,
                                open.parameter->name() + "/" + std::to_string(open.weight.feeds),
                                now});
    } else {
      changes.edits.push_back({0, open.weight.tensor, now});
    }
  }
  for (const auto& [name, value] : state.new_metadata) changes.metadata.push_back({name, value});
  return file::apply(state.file, changes);
}

void Model::save(const std::string& path) const { file::write_atomically(path, bytes()); }

}  // namespace hone
