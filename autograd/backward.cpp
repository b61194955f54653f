#include <algorithm>

#include "autograd/backward_call.h"
#include "autograd/graph.h"
#include "autograd/straight_through.h"
#include "autograd/sum_to.h"
#include "autograd/temporary.h"
#include "src/tensor/dry_run.h"
#include "src/tensor/memory_tag.h"
#include "src/tensor/stopwatch.h"

namespace hone {
namespace {

/// Everything that can be wrong with a graph, before any gradient is touched.
void verify(std::span<FunctionNode* const> functions) {
  for (const FunctionNode* f : functions) {
    if (f->freed) {
      fail(ErrorKind::state, f->where(),
           "expected a graph that still stands, this part was freed by an earlier backward");
    }
    if (!f->op->differentiable()) {
      fail(ErrorKind::unsupported, f->where(), "expected an op with a gradient, ", f->op->name,
           " has none; train only what comes after it");
    }
    for (std::size_t i = 0; i < f->inputs.size(); ++i) {
      const FunctionNode::Input& input = f->inputs[i];
      if (input.saved && input.saved.version() != input.version) {
        const bool named = input.node && !input.node->name.empty();
        fail(ErrorKind::state, f->where(), "expected input ", i, named ? " \"" : "",
             named ? escaped(input.node->name) : "", named ? "\"" : "",
             " as it was in forward, it was written to since");
      }
    }
  }
}

/// The gradient of output o, summed over branches and masked; may be handed on by views.
Tensor output_grad(FunctionNode& f, std::size_t o) {
  VariableNode& node = f.outputs[o].node;
  if (node.incoming.empty()) return {};
  Tensor grad = node.incoming.take(f.memory);
  if (!has_clamp(*f.op, f.attributes.get(), f.plan(), f.call->outputs[o])) return grad;
  if (!grad.unique())
    grad = dry_running() ? float_tensor(grad.shape(), f.memory) : grad.clone(f.memory);
  if (dry_running()) return grad;
  mask_clamped(*f.op, f.attributes.get(), f.outputs[o].saved, grad.mutable_data<float>());
  return grad;
}

/// Hands the gradient of output 0 on to every input, under its shape; shared, where it has that.
void pass_on(FunctionNode& f, const Tensor& grad, bool consumed) {
  for (std::size_t i = 0; i < f.inputs.size(); ++i) {
    if (!f.inputs[i].node) continue;
    VariableNode& node = *f.inputs[i].node;
    const bool stays = node.creator == nullptr && !consumed;  // what lies in a step goes
    std::pmr::memory_resource* memory = stays ? node.memory : f.memory;
    const Shape& shape = f.call->inputs[i].shape;
    Tensor g = grad.shape() == shape ? grad
               : f.op->views         ? grad.reshaped(shape)
                                     : sum_to(grad, shape, memory);
    if (stays && g.shares_storage(grad)) g = g.clone(memory);
    check_gradient(f, i, g);
    node.incoming.add(std::move(g));
  }
}

bool reached(const FunctionNode& f) {
  return std::any_of(f.outputs.begin(), f.outputs.end(),
                     [](const auto& output) { return !output.node.incoming.empty(); });
}

/// Computes again what backward of a call needs and forward has not kept.
void restore(FunctionNode& f, Temporary& temporary) {
  if (f.op->views) return;
  const std::size_t n = f.inputs.size();
  const std::span<bool> wanted = temporary.flags(n);
  for (std::size_t i = 0; i < n; ++i) wanted[i] = f.inputs[i].node != nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    FunctionNode* creator = f.inputs[i].recomputed_by();
    if (creator != nullptr && needs_input(f, i, wanted)) recompute(*creator);
  }
  for (std::size_t o = 0; o < f.outputs.size() && f.recomputed; ++o) {
    const bool clamp = has_clamp(*f.op, f.attributes.get(), f.plan(), f.call->outputs[o]);
    if (clamp || f.op->saves.out.has(o)) return recompute(f);
  }
}

/// Moves what reached a leaf into its gradient, or into the sink.
void settle(VariableNode& leaf, std::pmr::memory_resource* memory, GradientSink* sink) {
  if (!leaf.incoming.empty()) {
    if (leaf.grad) {
      GradSum sum(memory);
      sum.add(std::move(leaf.grad));
      sum.add(leaf.incoming.take(memory));
      leaf.grad = sum.take(memory);
    } else {
      leaf.grad = leaf.incoming.take(memory);
    }
  }
  if (sink != nullptr && leaf.grad && sink->take(&leaf, leaf.grad)) leaf.grad = {};
}

void tell(const Stopwatch& watch, const FunctionNode& f) {
  std::uint32_t wanted = 0;
  for (std::size_t i = 0; i < f.inputs.size() && i < 32; ++i) {
    if (f.inputs[i].node) wanted |= 1u << i;
  }
  watch.tell({.part = Timing::Part::backward,
              .op = f.op,
              .site = f.site.get(),
              .inputs = f.call->inputs,
              .outputs = f.call->outputs,
              .wanted = wanted});
}

/// One backward over the calls behind a value.
class Pass {
 public:
  Pass(std::span<FunctionNode* const> functions, GradientSink* sink) : sink_(sink) {
    for (FunctionNode* f : functions) {
      for (const auto& input : f->inputs) {
        if (input.node && !input.node->creator) input.node->uses = 0;
      }
    }
    for (FunctionNode* f : functions) {
      for (const auto& input : f->inputs) {
        if (input.node && !input.node->creator) ++input.node->uses;
      }
    }
  }

  /// Masks the gradients of one call and hands them on to its inputs.
  void operator()(FunctionNode& f) {
    const TakesMemory for_gradients(f.site ? f.site->index : -1, Cause::gradients);
    Temporary temporary(f.memory);
    auto leaves = temporary.list<std::shared_ptr<VariableNode>>(f.inputs.size());
    for (std::size_t i = 0; i < leaves.size() && sink_ != nullptr; ++i) {
      if (f.inputs[i].node && !f.inputs[i].node->creator) leaves[i] = f.inputs[i].node;
    }
    const bool passes = reached(f);
    if (passes) restore(f, temporary);
    const Stopwatch watch;
    if (passes) pass(f, temporary);
    if (watch) tell(watch, f);
    f.free();
    for (const auto& leaf : leaves) {
      if (leaf && --leaf->uses == 0) settle(*leaf, f.memory, sink_);
    }
  }

 private:
  void pass(FunctionNode& f, Temporary& temporary) {
    auto grads = temporary.list<Tensor>(f.outputs.size());
    for (std::size_t o = 0; o < grads.size(); ++o) grads[o] = output_grad(f, o);
    if (f.op->views || f.op->passes)
      pass_on(f, grads[0], sink_ != nullptr);
    else
      call(f, grads, temporary);
  }

  /// Integers are saved as they are and widened for the gradients that need them.  Where those of
  /// the weights need other values than that of the input, they are made one after the other, what
  /// is larger last, so that less is in memory at once.
  void call(FunctionNode& f, std::span<const Tensor> grads, Temporary& temporary) {
    const std::size_t n = f.inputs.size();
    const std::span<bool> weights = temporary.flags(n), inputs = temporary.flags(n);
    bool widens = false;
    std::size_t weight_size = 0, input_size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const FunctionNode::Input& input = f.inputs[i];
      const TensorType& type = f.call->inputs[i];
      widens |= f.op->saves.in.has(i) && type.present() && type.dtype != DType::float32;
      if (!input.node) continue;
      (input.node->creator ? inputs : weights)[i] = true;
      (input.node->creator ? input_size : weight_size) += input.node->shape.numel();
    }
    const std::span<bool> both = temporary.flags(n);
    for (std::size_t i = 0; i < n; ++i) both[i] = weights[i] || inputs[i];
    BackwardCall backward(f, grads, both, temporary, sink_);
    if (backward.splits()) return backward.in_parts();
    if (!f.op->saves.crosswise || !widens || input_size == 0 || weight_size == 0) return backward();
    const bool weights_first = weight_size < input_size;
    BackwardCall(f, grads, weights_first ? weights : inputs, temporary, sink_)();
    BackwardCall(f, grads, weights_first ? inputs : weights, temporary, sink_)();
  }

  GradientSink* sink_;
};

/// Leaves under a backward; where it ends in an Error, what has reached them is dropped.
struct Reached {
  explicit Reached(std::pmr::memory_resource* memory) : nodes(memory) {}
  ~Reached() {
    for (const auto& node : nodes) node->incoming.clear();
  }
  std::pmr::vector<std::shared_ptr<VariableNode>> nodes;
};

/// Keeps alive what a backward has still to pass.  A call's free() drops the values that it
/// consumed; those that other calls made hold the gradient that has just reached them, and are let
/// go once those calls are passed.
class Held {
 public:
  explicit Held(std::span<FunctionNode* const> functions) : left_(functions) {}
  /// The earliest call first: no other one is still needed to keep it alive.
  ~Held() {
    for (; !left_.empty(); left_ = left_.first(left_.size() - 1)) let_go(*left_.back());
  }

  FunctionNode* next() const { return left_.empty() ? nullptr : left_.front(); }
  void hold_inputs() {
    for (const FunctionNode::Input& input : left_.front()->inputs) {
      FunctionNode* creator = input.node ? input.node->creator : nullptr;
      if (creator != nullptr && !creator->held) creator->held = input.node;
    }
  }
  void passed() {
    FunctionNode& f = *left_.front();
    left_ = left_.subspan(1);
    let_go(f);
  }

 private:
  static void let_go(FunctionNode& f) {
    for (FunctionNode::Output& output : f.outputs) output.node.incoming.clear();
    const std::shared_ptr<VariableNode> last = std::move(f.held);
  }

  std::span<FunctionNode* const> left_;
};

}  // namespace

void Variable::backward(const Tensor& seed, GradientSink* sink) const {
  if (!requires_grad()) {
    fail(ErrorKind::state, "backward",
         "expected a value that depends on one with a gradient, nothing was recorded");
  }
  if (seed && (seed.dtype() != DType::float32 || seed.shape() != shape())) {
    fail(ErrorKind::argument, "backward", "expected a float32 seed of shape ", shape(), ", got ",
         seed.type());
  }
  std::pmr::memory_resource* memory = node_->creator ? node_->creator->memory : default_memory();
  std::pmr::vector<FunctionNode*> functions(memory);
  if (node_->creator) functions = collect(*node_->creator);
  verify(functions);

  Reached leaves(memory);
  leaves.nodes.push_back(node_);
  Tensor start = seed ? seed : float_tensor(shape(), memory);
  if (!seed) std::fill_n(start.mutable_data<float>().data(), start.numel(), 1.0f);
  node_->incoming.add(std::move(start));
  if (functions.empty()) return settle(*node_, memory, sink);

  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input.node && !input.node->creator) leaves.nodes.push_back(input.node);
    }
  }
  Pass pass(functions, sink);
  for (Held held(functions); FunctionNode* f = held.next(); held.passed()) {
    held.hold_inputs();
    pass(*f);
  }
  if (sink != nullptr) return;
  for (const auto& leaf : leaves.nodes) settle(*leaf, leaf->memory, nullptr);
}

}  // namespace hone
