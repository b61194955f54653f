#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "autograd/graph.h"
#include "autograd/straight_through.h"
#include "autograd/sum_to.h"
#include "autograd/temporary.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/stretches.h"
#include "src/tensor/dry_run.h"
#include "src/tensor/memory_tag.h"
#include "src/tensor/stopwatch.h"

namespace hone {
namespace {

thread_local bool detecting_nan = false;

Tensor float_tensor(const Shape& shape, std::pmr::memory_resource* memory) {
  return Tensor(TensorType(DType::float32, shape), memory);
}

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

void check_finite(const FunctionNode& f, std::size_t i, std::span<const float> grad) {
  for (std::size_t k = 0; k < grad.size(); ++k) {
    if (!std::isfinite(grad[k])) {
      fail(ErrorKind::data, f.where(), "expected finite gradients, got ", grad[k], " at element ",
           k, " of input ", i);
    }
  }
}

/// Tensor::to_float, by the kernels for the type that matters.
Tensor in_real_units(const Tensor& t, std::pmr::memory_resource* memory) {
  const TensorType& type = t.type();
  if (dry_running()) return float_tensor(type.shape, memory);
  if (type.dtype != DType::int8) return t.to_float(memory);
  Tensor out = float_tensor(type.shape, memory);
  float* to = out.mutable_data<float>().data();
  for_stretches(type, 0, t.numel(), [&](const Stretch& s) {
    kernels().dequantize({.count = static_cast<std::ptrdiff_t>(s.count),
                          .from = t.raw() + s.first,
                          .zero_point = s.zero_point,
                          .scales = s.scales,
                          .to = to + s.first});
  });
  return out;
}

/// What was saved of one side of a call: as it was, and in real units.
struct Saved {
  Saved(std::size_t n, Temporary& temporary)
      : raw(temporary.list<Tensor>(n)),
        floats(temporary.list<Tensor>(n)),
        spans(temporary.list<std::span<const float>>(n)) {}

  void put(std::size_t i, const Tensor& saved, std::pmr::memory_resource* memory) {
    raw[i] = saved;
    if (!saved || !differentiable(saved.type())) return;
    if (saved.dtype() != DType::float32) floats[i] = in_real_units(saved, memory);
    spans[i] = (floats[i] ? floats[i] : raw[i]).data<float>();
  }

  std::pmr::vector<Tensor> raw, floats;
  std::pmr::vector<std::span<const float>> spans;
};

/// The gradient of output o, summed over branches and masked; may be handed on by views.
Tensor output_grad(FunctionNode& f, std::size_t o) {
  const auto node = f.outputs[o].node.lock();
  if (!node || node->incoming.empty()) return {};
  Tensor grad = node->incoming.take(f.memory);
  if (!has_clamp(*f.op, f.attributes.get(), f.call->plan.get(), f.call->outputs[o])) return grad;
  if (!grad.unique())
    grad = dry_running() ? float_tensor(grad.shape(), f.memory) : grad.clone(f.memory);
  if (dry_running()) return grad;
  mask_clamped(*f.op, f.attributes.get(), f.outputs[o].saved, grad.mutable_data<float>());
  return grad;
}

void backward_view(FunctionNode& f, const Tensor& grad, bool consumed) {
  VariableNode& node = *f.inputs[0].node;
  Tensor g = grad.reshaped(f.call->inputs[0].shape);
  if (!node.creator && !consumed) g = g.clone(node.memory);  // it stays, what lies in a step goes
  node.incoming.add(std::move(g));
}

/// Which inputs the gradients of some inputs need, in real units.
bool needs_input(const FunctionNode& f, std::size_t saved, std::span<const bool> wanted) {
  if (!f.op->saves.in.has(saved)) return false;
  if (!f.op->saves.crosswise) return true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    // a bias is added: its gradient needs no value at all
    if (wanted[i] && i != saved && !f.op->bias.has(i)) return true;
  }
  return false;
}

bool reached(const FunctionNode& f) {
  return std::any_of(f.outputs.begin(), f.outputs.end(), [](const FunctionNode::Output& output) {
    const auto node = output.node.lock();
    return node && !node->incoming.empty();
  });
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
    const bool clamp = has_clamp(*f.op, f.attributes.get(), f.call->plan.get(), f.call->outputs[o]);
    if (clamp || f.op->saves.out.has(o)) return recompute(f);
  }
}

/// The gradients of some inputs of one call, from those of its outputs.
class BackwardCall {
 public:
  BackwardCall(FunctionNode& f, std::span<const Tensor> grads, Temporary& temporary, bool consumed)
      : f_(f), grads_(grads), temporary_(temporary), consumed_(consumed) {}

  void operator()(std::span<const bool> wanted) {
    const std::size_t n = f_.inputs.size(), outputs = grads_.size();
    Saved in(n, temporary_), out(outputs, temporary_);
    const TakesMemory for_scratch(Cause::scratch);
    for (std::size_t i = 0; i < n; ++i) {
      if (needs_input(f_, i, wanted)) in.put(i, f_.inputs[i].value(), f_.memory);
    }
    auto gy = temporary_.list<std::span<const float>>(outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      if (f_.op->saves.out.has(o)) out.put(o, f_.outputs[o].saved, f_.memory);
      if (grads_[o]) gy[o] = grads_[o].data<float>();
    }
    auto gradients = temporary_.list<Tensor>(n);
    auto gx = temporary_.list<std::span<float>>(n);
    const std::span<bool> add = temporary_.flags(n);
    for (std::size_t i = 0; i < n; ++i) {
      if (!wanted[i]) continue;
      gradients[i] = started(i, add[i]);
      gx[i] = gradients[i].mutable_data<float>();
    }
    Tensor scratch;
    if (const std::size_t bytes = f_.call->backward_scratch_bytes; bytes != 0) {
      scratch = Tensor(TensorType(DType::uint8, {static_cast<std::int64_t>(bytes)}), f_.memory);
    }
    const Backward b{.types_in = f_.call->inputs,
                     .types_out = f_.call->outputs,
                     .saved_inputs_raw = in.raw,
                     .saved_outputs_raw = out.raw,
                     .saved_inputs = in.spans,
                     .saved_outputs = out.spans,
                     .output_grads = gy,
                     .input_grads = gx,
                     .add = add,
                     .scratch = {scratch.mutable_raw(), scratch ? scratch.bytes() : 0},
                     .wanted = wanted};
    if (!dry_running()) f_.op->backward(f_.attributes.get(), f_.call->plan.get(), b);
    for (std::size_t i = 0; i < n; ++i) {
      if (wanted[i]) hand_on(i, std::move(gradients[i]), add[i]);
    }
  }

 private:
  /// Room for the gradient of input i; `add`: it holds a sum that backward adds to.
  Tensor started(std::size_t i, bool& add) {
    const TakesMemory for_gradient(Cause::gradients);
    VariableNode& node = *f_.inputs[i].node;
    // A second micro-batch adds to the gradient of a weight where it lies.
    add = f_.op->accumulates && !node.creator && node.grad && node.grad.unique() &&
          node.incoming.empty();
    if (add) return std::move(node.grad);
    const TensorType& shaped = f_.op->broadcasts ? f_.call->outputs[0] : f_.call->inputs[i];
    return float_tensor(shaped.shape, node.creator || consumed_ ? f_.memory : node.memory);
  }

  void hand_on(std::size_t i, Tensor g, bool added) {
    const TakesMemory for_gradient(Cause::gradients);
    if (detecting_nan) check_finite(f_, i, g.data<float>());
    const Shape& shape = f_.call->inputs[i].shape;
    VariableNode& node = *f_.inputs[i].node;
    if (g.shape() != shape)
      g = sum_to(g, shape, node.creator || consumed_ ? f_.memory : node.memory);
    if (added)
      node.grad = std::move(g);
    else
      node.incoming.add(std::move(g));
  }

  FunctionNode& f_;
  std::span<const Tensor> grads_;
  Temporary& temporary_;
  bool consumed_;
};

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
    if (f.op->views)
      backward_view(f, grads[0], sink_ != nullptr);
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
    BackwardCall backward(f, grads, temporary, sink_ != nullptr);
    if (f.op->saves.crosswise && widens && input_size != 0 && weight_size != 0) {
      backward(weight_size < input_size ? weights : inputs);
      backward(weight_size < input_size ? inputs : weights);
    } else {
      for (std::size_t i = 0; i < n; ++i) weights[i] |= inputs[i];
      backward(weights);
    }
  }

  GradientSink* sink_;
};

/// Values of the graph under a backward, kept alive; where it ends in an Error, what has reached
/// them is dropped.
struct Reached {
  explicit Reached(std::pmr::memory_resource* memory) : nodes(memory) {}
  ~Reached() {
    for (const auto& node : nodes) node->incoming.clear();
  }
  std::pmr::vector<std::shared_ptr<VariableNode>> nodes;
};

}  // namespace

DetectNan::DetectNan() noexcept : before_(std::exchange(detecting_nan, true)) {}
DetectNan::~DetectNan() { detecting_nan = before_; }

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

  Tensor start = seed ? seed : float_tensor(shape(), memory);
  if (!seed) std::fill_n(start.mutable_data<float>().data(), start.numel(), 1.0f);
  node_->incoming.add(std::move(start));
  if (functions.empty()) return settle(*node_, memory, sink);

  Reached leaves(memory), made(memory);
  made.nodes.push_back(node_);
  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input.node && !input.node->creator) leaves.nodes.push_back(input.node);
    }
  }
  // A call's free() drops the values it consumed.  Those that other calls made must outlive it:
  // they hold the gradient that has just reached them, and keep alive the calls still to pass.
  Pass pass(functions, sink);
  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input.node && input.node->creator) made.nodes.push_back(input.node);
    }
    pass(*f);
  }
  if (sink != nullptr) return;
  for (const auto& leaf : leaves.nodes) settle(*leaf, leaf->memory, nullptr);
}

}  // namespace hone
