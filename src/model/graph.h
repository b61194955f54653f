#pragma once
/// The file's operators, matched with ops and ready to run.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hone/model.h>

#include "src/tflite/reader.h"

namespace hone::model {

/// One operator of a subgraph.
struct Node {
  const OpDef* op = nullptr;  // null: cannot run; `problem` says why
  Box attributes;
  std::string type, problem;
  std::vector<std::int32_t> inputs, outputs;
  std::vector<TensorType> declared;
  std::shared_ptr<CallCache> cache;
  bool recomputed = false;  // see Model::recompute
  // by input; a bias that the file merged with another operator's: as it trains, and as it is
  // afterwards
  std::vector<std::shared_ptr<Parameter>> own;
  std::vector<Tensor> own_values;
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<std::int32_t> inputs, outputs;
  std::vector<Tensor> constants;  // by tensor; absent: computed
  std::vector<bool> sparse;       // by tensor: constants that cannot be written back
};

/// The main subgraph.  Operators that cannot run get a `problem`, never an exception.
Graph build(const file::ModelFile& file, const ModelOptions& options);

/// Which operators hold weights, and why gradients reach them or do not: one text an operator,
/// empty if trainable.
std::vector<std::string> why_not_trainable(const Graph& graph);

/// A weight of the graph: the constant, and the input of the operator that it feeds, directly or
/// through operators that only convert or reshape constants.
struct Weight {
  std::size_t node;  // the operator that owns it, as people count
  std::size_t slot;  // its input there
  std::size_t
      feeds;  // the operator that reads the constant itself (`node`, or a DEQUANTIZE before it)
  std::size_t feeds_slot;
  std::int32_t tensor;
  bool bias;
};
std::vector<Weight> weights_of(const Graph& graph);

/// Those that the selector names, in the order of `weights`.  Throws Error where it names none or
/// is malformed.
std::vector<Weight> select(const Selector& selector, const Graph& graph,
                           const file::ModelFile& file, const std::vector<Weight>& weights);

}  // namespace hone::model
