#include "src/model/graph.h"

#include <algorithm>

#include "ops/table.h"

namespace hone::model {
namespace {

const OpDef* find_op(const file::OperatorInfo& info, const ModelOptions& options) {
  if (info.custom_code.empty()) return ops::find(info.code);
  for (const OpDef* op : options.custom_ops) {
    if (op->name == info.custom_code) return op;
  }
  return nullptr;
}

Node make_node(const file::ModelFile& file, std::size_t index, const ModelOptions& options) {
  const file::Subgraph& main = file.subgraphs[0];
  const file::OperatorInfo& info = main.operators[index];
  Node node;
  node.type = info.name;
  node.inputs = info.inputs;
  node.outputs = info.outputs;
  node.own.resize(info.inputs.size());
  node.own_values.resize(info.inputs.size());
  for (const std::int32_t t : info.outputs) {
    node.declared.push_back(main.tensors[static_cast<std::size_t>(t)].type);
  }
  node.cache = std::make_shared<CallCache>();
  node.cache->index = static_cast<std::int32_t>(index);
  node.cache->where = node.type + " #" + std::to_string(index);
  if (!info.outputs.empty()) {
    const auto& label = main.tensors[static_cast<std::size_t>(info.outputs[0])].name;
    node.cache->where += " \"" + escaped(label) + "\"";
  }
  node.op = find_op(info, options);
  for (const auto& list : {info.inputs, info.outputs}) {
    for (const std::int32_t t : list) {
      if (t < 0 || main.tensors[static_cast<std::size_t>(t)].unsupported.empty()) continue;
      node.op = nullptr;
      node.problem = main.tensors[static_cast<std::size_t>(t)].unsupported;
      return node;
    }
  }
  if (node.op == nullptr) {
    node.problem = ops::complete() ? "hone has no kernel for " : "this build of hone is without ";
    node.problem += escaped(node.type);
    if (!info.custom_code.empty())
      node.problem = "expected a custom op of this name among ModelOptions::custom_ops, got none";
    return node;
  }
  try {
    const bool custom = !info.custom_code.empty();
    if (custom && node.op->parse_custom) {
      node.attributes = node.op->parse_custom(info.options.custom());
    } else if (!custom && node.op->parse) {
      node.attributes = node.op->parse(info.options);
    } else if (node.op->default_attributes) {
      node.attributes = node.op->default_attributes();
    }
  } catch (const Error& error) {
    node.op = nullptr;
    node.problem = error.what();
  }
  return node;
}

bool is_constant(const Graph& graph, std::int32_t t) {
  return t >= 0 && graph.constants[static_cast<std::size_t>(t)].type().present();
}

/// The operator that produces each tensor; -1 where none does.
std::vector<std::int32_t> producers(const Graph& graph) {
  std::vector<std::int32_t> by_tensor(graph.constants.size(), -1);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const std::int32_t t : graph.nodes[n].outputs) {
      by_tensor[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(n);
    }
  }
  return by_tensor;
}

bool carries_gradient(const TensorType& type) {
  return type.dtype == DType::float32 || type.dtype == DType::float16 || type.quantized();
}

/// Follows an input back through operators that only convert or reshape a constant; false where it
/// is computed.
bool trace_constant(const Graph& graph, const std::vector<std::int32_t>& made_by, Weight& w) {
  for (;;) {
    const Node& node = graph.nodes[w.feeds];
    w.tensor = node.inputs[w.feeds_slot];
    if (w.tensor < 0) return false;
    if (is_constant(graph, w.tensor)) {
      const Tensor& value = graph.constants[static_cast<std::size_t>(w.tensor)];
      return value.numel() > 1 && carries_gradient(value.type()) &&
             !graph.sparse[static_cast<std::size_t>(w.tensor)];
    }
    const std::int32_t maker = made_by[static_cast<std::size_t>(w.tensor)];
    if (maker < 0) return false;
    const Node& from = graph.nodes[static_cast<std::size_t>(maker)];
    if (from.op == nullptr || !from.op->differentiable() || from.inputs.empty()) return false;
    for (std::size_t i = 1; i < from.inputs.size(); ++i) {
      if (from.inputs[i] >= 0 && !is_constant(graph, from.inputs[i])) return false;
    }
    if (from.op->arity.most > 2) return false;
    w.feeds = static_cast<std::size_t>(maker);
    w.feeds_slot = 0;
  }
}

}  // namespace

Graph build(const file::ModelFile& file, const ModelOptions& options) {
  const file::Subgraph& main = file.subgraphs[0];
  Graph graph;
  graph.inputs = main.inputs;
  graph.outputs = main.outputs;
  graph.constants.resize(main.tensors.size());
  graph.sparse.resize(main.tensors.size());
  for (std::size_t t = 0; t < main.tensors.size(); ++t) {
    const file::TensorInfo& info = main.tensors[t];
    graph.sparse[t] = info.sparse;
    if (info.constant && info.unsupported.empty()) {
      graph.constants[t] = file.constant(0, static_cast<std::int32_t>(t), options.memory);
    }
  }
  for (std::size_t i = 0; i < main.operators.size(); ++i) {
    graph.nodes.push_back(make_node(file, i, options));
  }
  return graph;
}

std::vector<Weight> weights_of(const Graph& graph) {
  const std::vector<std::int32_t> made_by = producers(graph);
  std::vector<Weight> found;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op == nullptr) continue;
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const bool bias = node.op->bias.has(slot);
      if (!bias && !node.op->weights.has(slot)) continue;
      Weight w{n, slot, n, slot, -1, bias};
      if (trace_constant(graph, made_by, w)) found.push_back(w);
    }
  }
  return found;
}

std::vector<std::string> why_not_trainable(const Graph& graph) {
  // An operator is reached when one of its outputs is a float-valued output of the model, or feeds
  // an operator that is reached and has a gradient.
  std::vector<std::string> blocked(graph.constants.size(), "its outputs are not used");
  for (const std::int32_t t : graph.outputs) blocked[static_cast<std::size_t>(t)].clear();
  std::vector<std::string> why(graph.nodes.size());
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    std::string reason = "its outputs are not used";
    for (const std::int32_t t : node.outputs) {
      const std::string& b = blocked[static_cast<std::size_t>(t)];
      if (b.empty() || reason.starts_with("its outputs")) reason = b;
      if (b.empty()) break;
    }
    if (reason.empty()) {
      if (node.op == nullptr)
        reason = node.problem;
      else if (!node.op->differentiable())
        reason = node.type + " has no gradient";
      else if (!node.declared.empty() && !carries_gradient(node.declared[0])) {
        reason = "its output is of type " + std::string(name(node.declared[0].dtype));
      }
    }
    const bool clear = reason.empty();
    for (const std::int32_t t : node.inputs) {
      if (t < 0) continue;
      std::string& b = blocked[static_cast<std::size_t>(t)];
      if (clear)
        b.clear();
      else if (b.starts_with("its outputs are")) {
        b = reason.starts_with("blocked by") ? reason
                                             : "blocked by " + node.cache->where + ": " + reason;
      }
    }
    why[n] = reason;
  }
  std::vector<bool> holds(graph.nodes.size(), false);
  for (const Weight& w : weights_of(graph)) holds[w.node] = true;
  for (std::size_t n = 0; n < why.size(); ++n) {
    if (!why[n].empty() || holds[n]) continue;
    const auto& in = graph.nodes[n].inputs;
    const bool sparse = std::any_of(in.begin(), in.end(), [&](std::int32_t t) {
      return t >= 0 && graph.sparse[static_cast<std::size_t>(t)];
    });
    why[n] = sparse ? "its weights are sparse, hone does not write those" : "it holds no weights";
  }
  return why;
}

}  // namespace hone::model
