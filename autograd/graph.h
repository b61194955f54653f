#pragma once
/// The nodes of the graph.  Chainer's model: a VariableNode is what the graph keeps of a Variable,
/// without its value; a FunctionNode is one call of an op, with the VariableNodes of its outputs.
/// Consumers own what they consume, never the other way round:
///
///     Variable -> VariableNode in its creator FunctionNode -> input VariableNodes -> ...
///
/// so a graph lives as long as a handle on its result does.

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include <hone/variable.h>

#include "autograd/few.h"

namespace hone {

/// Types that can carry a gradient: floating point, and integers with a scale.
inline bool differentiable(const TensorType& type) noexcept {
  return type.dtype == DType::float32 || type.dtype == DType::float16 ||
         type.dtype == DType::float64 || type.quantized();
}

/// The sum of the gradients that came back along the branches of one value.  One node however many
/// there are.
class GradSum {
 public:
  explicit GradSum(std::pmr::memory_resource* memory) : more_(memory) {}
  void add(Tensor grad);
  bool empty() const noexcept { return !first_; }
  /// The sum, in the order of arrival, which is that of the calls reversed; empties it.  Writes
  /// into the first term only where nobody else holds it.
  Tensor take(std::pmr::memory_resource* memory);
  void clear() noexcept;

 private:
  Tensor first_;
  std::pmr::vector<Tensor> more_;
};

class VariableNode {
 public:
  VariableNode(const TensorType& type, bool requires_grad, std::string_view name,
               std::pmr::memory_resource* memory);           // a leaf
  explicit VariableNode(std::pmr::memory_resource* memory);  // within the call that makes it
  ~VariableNode();
  VariableNode(const VariableNode&) = delete;
  VariableNode& operator=(const VariableNode&) = delete;

  std::pmr::memory_resource* memory;  // where it lies, and the gradient of a leaf
  Shape shape;
  bool requires_grad = false;
  std::string name;
  FunctionNode* creator = nullptr;  // what it lies in, and keeps alive; null for a leaf
  Tensor grad;                      // leaves only
  GradSum incoming;                 // while a backward runs
  std::size_t uses = 0;             // of a leaf, by calls that a backward has still to pass
};

class FunctionNode {
 public:
  struct Input {
    Input() = default;
    ~Input();  // never recursive
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    std::shared_ptr<VariableNode> node;  // null: left out, or without gradient
    Tensor saved;                        // absent where backward does not need it
    std::uint64_t version = 0;           // of `saved`, when it was saved

    /// The call that computes this value again where it is needed; null where `saved` has it.
    FunctionNode* recomputed_by() const noexcept;
    /// `saved`, or what that call has computed again.
    Tensor value() const noexcept;
  };
  struct Output {
    explicit Output(std::pmr::memory_resource* memory) : node(memory) {}

    VariableNode node;
    Tensor saved;
  };

  /// A call of that many inputs and outputs; `kept` is where it lies, `work` for what its backward
  /// makes.
  FunctionNode(std::size_t input_count, std::size_t output_count, std::pmr::memory_resource* kept,
               std::pmr::memory_resource* work);
  ~FunctionNode();
  FunctionNode(const FunctionNode&) = delete;
  FunctionNode& operator=(const FunctionNode&) = delete;

  std::string_view where() const noexcept {
    return site ? std::string_view(site->where) : op->name;
  }
  const void* plan() const noexcept { return call->plan.get(); }
  /// Drops everything that only backward needs.
  void free() noexcept;

  const OpDef* op = nullptr;
  Box attributes;
  std::shared_ptr<const CallPlan> call;
  std::shared_ptr<CallCache> site;
  std::uint64_t number;  // of its creation, a total order: backward is forward reversed
  std::pmr::memory_resource *memory, *kept;  // see CallSite: work, memory
  Few<Input, 3> inputs;
  Few<Output, 1> outputs;
  Tensor loss_input;                   // where op->normalizes: for logits()
  std::shared_ptr<VariableNode> held;  // itself, by a backward that has still to pass it
  bool recomputed = false;  // see CallSite: outputs are saved by recompute(), until free()
  bool freed = false;
  std::uint64_t visit = 0;  // the last walk that met it
};

/// Saves the outputs of a recomputed call: runs it once more, and before it the recomputed calls
/// whose values it reads.  Never recursive.
void recompute(FunctionNode& f);

/// Every FunctionNode behind `root` that backward has to pass, latest first.  Never recursive.
std::pmr::vector<FunctionNode*> collect(FunctionNode& root);

}  // namespace hone
