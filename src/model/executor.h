#pragma once
/// Runs a graph, operator after operator, through autograd.

#include <optional>

#include "src/model/graph.h"
#include "src/tensor/model_memory.h"

namespace hone::model {

class Executor {
 public:
  Executor(Graph& graph, const ModelOptions& options, ModelMemory& memory);

  /// What feeds each constant tensor now: the constant, or a leaf.  `changed` after leaves came or
  /// went.
  void bind(std::int32_t tensor, const Parameter* parameter);
  void bind(std::int32_t tensor, Variable leaf);
  void unbind_all();
  void bindings_changed() { settled_ = false; }  ///< after Node::own, Node::recomputed

  enum class Part { whole, frozen, live };
  /// The tensors `wanted`, computed from the graph's inputs (whole, frozen) or from values at the
  /// cut (live), which are moved from: each is let go when the last operator has read it.
  Variables run(Part part, std::span<const std::int32_t> given, std::span<Variable> values,
                std::span<const std::int32_t> wanted, std::int64_t factor);

  /// What tells that step of the model from others.
  std::uint64_t step_key(Part part, std::span<const std::int32_t> wanted, std::int64_t factor);

  const std::vector<std::int32_t>& cut();  ///< tensors that cross from frozen to live operators
  /// What one batch of the file's has in memory at most: the outputs of all live operators, or of
  /// the frozen ones what the largest reads and writes.
  std::size_t working_bytes();
  /// Shapes of one run at the file's batch, which the proof of larger ones compares with: those in
  /// the file may be stale where a dimension is open.
  void measure(std::span<Variable> inputs);
  std::vector<Tensor> kept;  ///< values of the last run, where keep is set
  bool keep = false;

 private:
  void settle();  // which operators are live, where values die, what folds; after bindings changed
  Variable value(std::size_t node, std::size_t slot) const;
  void call(std::size_t n, std::int64_t factor);
  bool stays(std::size_t n) const;
  Slots given_up(std::size_t n);
  const Shape& shape_of(const Node& node, std::size_t output) const;
  Variable widened_shape(const Node& node, std::int64_t factor) const;
  void check_batch(const Node& node, std::span<const Variable> results, std::int64_t factor);

  Graph& graph_;
  const ModelOptions& options_;
  ModelMemory& memory_;
  std::vector<Variable> leaves_;              // by tensor
  std::vector<const Parameter*> parameters_;  // by tensor
  std::vector<Variable> folded_;              // by tensor: computed from constants only
  std::vector<bool> live_, foldable_;         // by node
  std::vector<std::size_t> last_use_;         // by tensor
  std::vector<std::int32_t> cut_;
  std::vector<Variable> env_;                 // by tensor, during a run
  std::vector<bool> batched_;                 // by tensor, during a run
  std::vector<bool> runs_, needed_, result_;  // during a run; kept for their memory, as is
  std::vector<Variable> inputs_;              // those of the call under way
  std::vector<Shape> measured_;               // by tensor; empty before measure
  bool settled_ = false, measuring_ = false;
  std::uint64_t bindings_ = 0;  // which operators are live or recomputed, as a number
};

}  // namespace hone::model
