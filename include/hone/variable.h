#pragma once
/// Define-by-run automatic differentiation (Chainer's model): Variables, the FunctionNodes that
/// made them, and the GradSum nodes where a value was used more than once.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hone/op.h>
#include <hone/tensor.h>

namespace hone {

class FunctionNode;
class VariableNode;

enum class Grad : bool { no, yes };

/// Consumes gradients during a backward; see Optimizer::step(loss).
class GradientSink {
 public:
  /// Everything that uses the value of `leaf` has been passed: it may be written to.  Whether the
  /// gradient was consumed; it stays in grad() where not.
  virtual bool take(const VariableNode* leaf, const Tensor& grad) = 0;
  /// Whether the gradient of `leaf` may be given in parts, where only one call uses its value.
  virtual bool takes_parts(const VariableNode* leaf) const;
  /// The elements from `begin` on of such a gradient; those of the value may be written to.
  virtual void take_part(const VariableNode* leaf, std::size_t begin, const Tensor& grad);

 protected:
  ~GradientSink() = default;
};

/// A cheap handle on a value in the graph.  Copies are the same value.
class Variable {
 public:
  Variable() = default;  ///< no value; stands for an optional input that is left out
  /// A leaf; `memory` for its gradient.  Throws Error where a gradient is asked of a type that has
  /// none (plain integers, booleans).
  Variable(Tensor data, Grad grad = Grad::no, std::string_view name = {},
           std::pmr::memory_resource* memory = default_memory());  // NOLINT: implicit on purpose

  explicit operator bool() const noexcept { return static_cast<bool>(data_); }
  const Tensor& data() const noexcept { return data_; }
  const TensorType& type() const noexcept { return data_.type(); }
  const Shape& shape() const noexcept { return data_.shape(); }
  /// The one value of a tensor with one element, in real units.  Throws Error otherwise.
  float item() const;

  bool requires_grad() const noexcept;
  const std::string& name() const noexcept;
  /// d(what backward was called on)/d(this), float32 in real units, of this shape.  Absent until a
  /// backward has reached it; kept for leaves only, where further backwards add to it.
  Tensor grad() const;
  void clear_grad() noexcept;
  /// The call that made it; null for leaves and where nothing was recorded.
  FunctionNode* creator() const noexcept;

  /// Back-propagates from this value, seeded with ones (or with `seed`, of this shape), and frees
  /// the graph behind it.  Gradients of leaves are offered to `sink`, each as soon as it is
  /// complete, or stay in grad().  Throws Error on a graph that was freed, on a weight that moved
  /// since forward, on an op without a gradient.
  void backward(const Tensor& seed = {}, GradientSink* sink = nullptr) const;

  /// The same value, cut off from the graph.
  Variable detached() const { return Variable(data_); }

  Variable(Tensor data, std::shared_ptr<VariableNode> node);  ///< the engine's: a value of a graph
  const std::shared_ptr<VariableNode>& node() const noexcept { return node_; }

 private:
  Tensor data_;
  std::shared_ptr<VariableNode> node_;
};

/// What an op prepares for inputs of these types.
struct CallPlan {
  std::vector<TensorType> inputs, outputs;
  Slots wanted;  ///< inputs whose gradients backward may be asked for
  Box plan;
  std::size_t packed_bytes = 0, scratch_bytes = 0, backward_scratch_bytes = 0;
};

/// What one call site keeps between calls: the plan and the packed weights of the last call.  Not
/// for two threads at once.
struct CallCache {
  std::string where;                       ///< for messages: `CONV_2D #12 "block_3/conv"`
  std::int32_t index = -1;                 ///< of the operator in its file
  std::shared_ptr<const CallPlan> plan;    ///< null before the first call
  std::vector<Tensor> read_values;         ///< copies of the inputs that the op reads
  Tensor packed;                           ///< what the op packed; absent: not yet, or not kept
  std::vector<std::uint64_t> packed_from;  ///< version of each packed input
};

using Variables = std::pmr::vector<Variable>;

/// What is known about a call; all of it may be left out.
struct CallSite {
  std::span<const TensorType> declared =
      {};  ///< output types of the file: their quantization holds
  std::shared_ptr<CallCache> cache = nullptr;
  /// Of outputs and nodes; of scratch and what backward makes; of what `cache` keeps.  Null: where
  /// the graph behind the inputs has its own, else default_memory().
  std::pmr::memory_resource *memory = nullptr, *work = nullptr, *kept = nullptr;
  bool keeps_packed = true;          ///< false: packed anew by every call, in passing
  std::size_t max_bytes = SIZE_MAX;  ///< of one output; a call that gives more is refused
  /// Inputs that nobody reads after this call: an output may take the place of one that only the
  /// call's list of inputs holds.
  Slots gives = {};
  /// Backward runs it again instead of keeping its outputs: what it reads is kept.  Forward must
  /// give the same values each time.
  bool recomputed = false;
};

/// Runs an op and, where an input requires a gradient and grad mode is on, records it.  The list of
/// outputs lives where they do.
Variables apply(const OpDef& op, const Box& attributes, std::span<const Variable> inputs,
                const CallSite& site = {});
/// The same for ops with one output and attributes of their own type.
template <class Attributes>
Variable apply_one(const OpDef& op, Attributes attributes, std::initializer_list<Variable> inputs) {
  return std::move(apply(op, std::make_shared<Attributes>(std::move(attributes)),
                         std::span(inputs.begin(), inputs.size()))[0]);
}

/// While alive, this thread records nothing.
class NoGrad {
 public:
  NoGrad() noexcept;
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};
bool grad_enabled() noexcept;

/// While alive, backward on this thread throws Error at the first gradient that is not finite and
/// names the op.
class DetectNan {
 public:
  DetectNan() noexcept;
  ~DetectNan();
  DetectNan(const DetectNan&) = delete;
  DetectNan& operator=(const DetectNan&) = delete;

 private:
  bool before_;
};

/// The graph behind `y`, GradSum nodes included, in Graphviz's DOT language.
std::string graph_dot(const Variable& y);
/// The same as a picture in SVG, laid out here.
std::string graph_svg(const Variable& y);
/// Nodes alive in this process; for leak tests.
std::size_t live_nodes() noexcept;

}  // namespace hone
