#include <hone/model.h>

#include <algorithm>
#include <array>

#include "src/model/state.h"
#include "src/tensor/dry_run.h"

namespace hone {
namespace model {

namespace {

ModelOptions in(ModelOptions options, ModelMemory& memory) {
  options.memory = memory.kept();
  return options;
}

}  // namespace

State::State(file::ModelFile loaded, const ModelOptions& chosen)
    : memory(ModelMemory::make(chosen.memory)),
      file(std::move(loaded)),
      options(in(chosen, *memory)),
      graph(build(file, options)),
      executor(graph, options, *memory),
      weights(weights_of(graph)) {
  const std::vector<std::string> why = why_not_trainable(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    Operator op;
    op.index_ = i;
    op.type_ = node.type;
    if (!node.outputs.empty()) op.label_ = file.tensor(0, node.outputs[0]).name;
    op.why_not_ = why[i];
    op.inputs = node.inputs;
    op.outputs = node.outputs;
    operators.push_back(std::move(op));
  }
  for (const file::Signature& from : file.signatures) {
    Signature s{from.key, {}, {}};
    for (const auto& [name, tensor] : from.inputs) s.inputs.emplace_back(name, tensor);
    for (const auto& [name, tensor] : from.outputs) s.outputs.emplace_back(name, tensor);
    signatures.push_back(std::move(s));
  }
}

std::int32_t State::logits_tensor() const {
  std::int32_t t = graph.outputs.at(0);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (node.op == nullptr || node.outputs.size() != 1 || node.outputs[0] != t) continue;
    if (node.op->normalizes) return node.inputs[0];
    // a change of representation after it: the output of an integer model as float, or the other
    // way round
    if (node.type != "DEQUANTIZE" && node.type != "QUANTIZE") break;
    t = node.inputs[0];
  }
  return graph.outputs[0];
}

bool State::can_batch() {
  if (batches) return *batches;
  batches = false;
  const NoGrad no_grad;
  const DryRun dry;
  LazyMemory lazy;
  std::vector<Variable> one, two;
  for (const std::int32_t t : graph.inputs) {
    TensorType type = file.tensor(0, t).type;
    if (type.shape.rank() == 0 || byte_size(type.dtype) == 0) return false;
    one.emplace_back(Tensor(type, &lazy));
    type.shape[0] *= 2;
    two.emplace_back(Tensor(std::move(type), &lazy));
  }
  try {
    executor.measure(one);
    executor.run(Executor::Part::whole, graph.inputs, two, graph.outputs, 2);
    batches = true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::memory) throw;
  }
  return *batches;
}

namespace {

std::unique_ptr<State> opened(file::ModelFile file, const ModelOptions& options) {
  return std::make_unique<State>(std::move(file), options);
}

ModelTensor described(const State& state, std::int32_t t) {
  const file::TensorInfo& info = state.file.tensor(0, t);
  return {t,
          info.name,
          info.type,
          info.constant,
          {info.shape_signature.begin(), info.shape_signature.end()}};
}

std::vector<ModelTensor> described(const State& state, std::span<const std::int32_t> tensors) {
  std::vector<ModelTensor> list;
  for (const std::int32_t t : tensors) list.push_back(described(state, t));
  return list;
}

file::Limits limits(const ModelOptions& options) {
  file::Limits l;
  l.activation_bytes = options.max_activation_bytes;
  return l;
}

}  // namespace
}  // namespace model

Model::Model(std::unique_ptr<model::State> state) : state_(std::move(state)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model Model::load(const std::string& path, const ModelOptions& options) {
  return Model(model::opened(file::load_file(path, model::limits(options)), options));
}

Model Model::load(std::span<const std::byte> bytes, const ModelOptions& options) {
  return Model(model::opened(file::load_bytes(bytes, model::limits(options)), options));
}

std::string Model::kind() const {
  bool float_io = false, half = false, integer = false;
  DType activation = DType::none;
  for (const model::Weight& w : state_->weights) {
    const Tensor& value = state_->graph.constants[static_cast<std::size_t>(w.tensor)];
    if (w.bias) continue;
    half |= value.dtype() == DType::float16;
    integer |= value.type().quantized();
    const std::int32_t x = state_->graph.nodes[w.node].inputs[w.slot == 0 ? 1 : 0];
    if (x < 0) continue;
    const TensorType& type = state_->file.tensor(0, x).type;
    float_io |= value.type().quantized() && type.dtype == DType::float32 && w.feeds == w.node;
    if (type.quantized()) activation = type.dtype;
  }
  if (activation == DType::int16) return "int16x8";
  if (activation != DType::none) return std::string(name(activation));
  if (integer && float_io) return "dynamic-range";
  return half ? "float16" : "float32";
}

std::span<const Operator> Model::operators() const noexcept { return state_->operators; }
std::span<const Signature> Model::signatures() const noexcept { return state_->signatures; }
std::size_t Model::file_bytes() const noexcept { return state_->file.bytes.size(); }
std::vector<ModelTensor> Model::inputs() const {
  return model::described(*state_, state_->graph.inputs);
}
std::vector<ModelTensor> Model::outputs() const {
  return model::described(*state_, state_->graph.outputs);
}

std::vector<ModelTensor> Model::tensors() const {
  std::vector<ModelTensor> list;
  for (std::size_t t = 0; t < state_->main().tensors.size(); ++t) {
    list.push_back(model::described(*state_, static_cast<std::int32_t>(t)));
  }
  return list;
}

void Model::keep_values(bool keep) { state_->executor.keep = keep; }
std::vector<Tensor> Model::last_values() const { return state_->executor.kept; }

namespace {

/// Where an operator refuses, what may be to blame: an input of another shape than the file's.
Variables run_shaped(model::State& state, model::Executor::Part part, std::span<Variable> inputs,
                     std::span<const std::int32_t> wanted, std::int64_t factor) {
  const auto& tensors = state.graph.inputs;
  const auto declared = [&](std::size_t i) -> const Shape& {
    return state.file.tensor(0, tensors[i]).type.shape;
  };
  std::size_t odd = 0;  // the first input of another shape than the file's
  while (odd < inputs.size() && inputs[odd].shape() == declared(odd)) ++odd;
  const Shape got = odd < inputs.size() ? inputs[odd].shape() : Shape();
  try {
    return state.executor.run(part, tensors, inputs, wanted, factor);
  } catch (const Error& error) {
    if (odd == inputs.size() || factor != 1 || error.kind() == ErrorKind::memory) throw;
    fail(error.kind(), error.where(), error.message(), "; input ", odd, " has shape ", got,
         ", in the file ", declared(odd));
  }
}

/// Moves from the inputs, so that none outlives the last operator that reads it.
Variables run_for(model::State& state, model::Executor::Part part, std::span<Variable> inputs,
                  std::span<const std::int32_t> wanted) {
  const auto& tensors = state.graph.inputs;
  if (inputs.size() != tensors.size()) {
    fail(ErrorKind::argument, "model", "expected ", tensors.size(), " inputs, got ", inputs.size());
  }
  bool all = true, changes = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    all = all && inputs[i];
    changes |= inputs[i].type().dtype != state.file.tensor(0, tensors[i]).type.dtype;
  }
  const std::int64_t factor = all ? state.factor(inputs) : 1;
  const bool together = factor == 1 || state.can_batch();  // now: the proof is no part of the step
  const ModelMemory::Running running(
      *state.memory, state.executor.step_key(part, wanted, factor) ^ (changes ? 1u : 0u));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs[i] = state.fitted(inputs[i], i, state.memory->step());
  if (together) return run_shaped(state, part, inputs, wanted, factor);
  // where samples would mix, the file's own sizes still rule: it may allow other shapes than its
  // batch
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const file::TensorInfo& info = state.file.tensor(0, tensors[i]);
    const bool open = !info.shape_signature.empty() && info.shape_signature[0] == -1;
    if (inputs[i].shape() != info.type.shape && !open) {
      fail(ErrorKind::unsupported, "input " + std::to_string(i), "expected shape ", info.type.shape,
           ", got ", inputs[i].shape(), ", and the file fixes its batch");
    }
  }
  return run_shaped(state, part, inputs, wanted, 1);
}

}  // namespace

Variable Model::fitted(const Variable& x) const {
  return state_->fitted(x, 0, state_->memory->step());
}

Variables Model::run(std::span<const Variable> inputs) {
  Variables own(inputs.begin(), inputs.end(), state_->options.memory);
  return run_for(*state_, model::Executor::Part::whole, own, state_->graph.outputs);
}

Variable Model::operator()(Variable x) {
  return run_for(*state_, model::Executor::Part::whole, std::span(&x, 1), state_->graph.outputs)
      .at(0);
}

Variable Model::logits(std::span<const Variable> inputs) {
  Variables own(inputs.begin(), inputs.end(), state_->options.memory);
  const std::int32_t t = state_->logits_tensor();
  return run_for(*state_, model::Executor::Part::whole, own, std::span(&t, 1))[0];
}

Variable Model::logits(Variable x) {
  const std::int32_t t = state_->logits_tensor();
  return run_for(*state_, model::Executor::Part::whole, std::span(&x, 1), std::span(&t, 1))[0];
}

Evaluated Model::evaluate(Variable x) {
  const std::array<std::int32_t, 2> tensors{state_->graph.outputs.at(0), state_->logits_tensor()};
  Variables y = run_for(*state_, model::Executor::Part::whole, std::span(&x, 1), tensors);
  return {std::move(y[0]), std::move(y[1])};
}

Variables Model::run_frozen(Variable x) {
  const NoGrad no_grad;
  return run_for(*state_, model::Executor::Part::frozen, std::span(&x, 1), state_->executor.cut());
}

Variable Model::run_live(std::span<Variable> cut, std::size_t samples, bool logits) {
  const std::vector<std::int32_t>& tensors = state_->executor.cut();
  if (cut.size() != tensors.size() || cut.empty()) {
    fail(ErrorKind::argument, "model", "expected ", tensors.size(), " values at the cut, got ",
         cut.size());
  }
  const Shape& declared = state_->file.tensor(0, state_->graph.inputs.at(0)).type.shape;
  const std::int64_t each = declared.rank() > 0 && declared[0] > 0 ? declared[0] : 1;
  const std::int64_t factor = std::max<std::int64_t>(static_cast<std::int64_t>(samples) / each, 1);
  if (factor > 1 && !state_->can_batch()) {
    fail(ErrorKind::unsupported, "model", "expected the file's batch of ", each, ", got ", samples,
         " samples");
  }
  const std::int32_t t = logits ? state_->logits_tensor() : state_->graph.outputs.at(0);
  return state_->executor.run(model::Executor::Part::live, tensors, cut, std::span(&t, 1),
                              factor)[0];
}

bool Model::has_frozen_part() {
  const std::vector<std::int32_t>& cut = state_->executor.cut();
  const std::vector<std::int32_t>& inputs = state_->graph.inputs;
  return std::any_of(cut.begin(), cut.end(), [&](std::int32_t t) {
    return std::find(inputs.begin(), inputs.end(), t) == inputs.end();
  });
}

std::size_t Model::activation_bytes() { return state_->executor.working_bytes(); }

bool Model::keeps_packed_weights() const noexcept { return state_->options.keep_packed_weights; }

ModelMemory& Model::memory() const noexcept { return *state_->memory; }

Model Model::twin(const ModelOptions& given) const {
  ModelOptions options = state_->options;
  options.memory = given.memory;
  options.keep_packed_weights = given.keep_packed_weights;
  Model twin(model::opened(state_->file, options));
  twin.recompute(recomputed());
  return twin;
}

bool Model::can_batch(std::size_t batch) { return batch == 1 || state_->can_batch(); }

std::optional<std::vector<std::byte>> Model::metadata(std::string_view name) const {
  if (const auto found = state_->new_metadata.find(name); found != state_->new_metadata.end())
    return found->second;
  for (const file::Metadata& m : state_->file.metadata) {
    if (m.name == name) return std::vector<std::byte>(m.bytes.begin(), m.bytes.end());
  }
  return std::nullopt;
}

void Model::set_metadata(std::string_view name, std::vector<std::byte> value) {
  state_->new_metadata.insert_or_assign(std::string(name), std::move(value));
}

}  // namespace hone
