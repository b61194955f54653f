#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "autograd/graph.h"
#include "autograd/straight_through.h"
#include "autograd/sum_to.h"
#include "autograd/temporary.h"
#include "ops/kernels/kernels.h"
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
  if (type.dtype != DType::int8 || type.axis_zero_points) return t.to_float(memory);
  Tensor out = float_tensor(type.shape, memory);
  std::size_t channels = 1, inner = t.numel();
  if (type.per_axis()) {
    const auto axis = static_cast<std::size_t>(type.axis);
    channels = static_cast<std::size_t>(type.shape[axis]);
    inner = 1;
    for (std::size_t d = axis + 1; d < type.shape.rank(); ++d)
      inner *= static_cast<std::size_t>(type.shape[d]);
  }
  if (inner < 8) return t.to_float(memory);  // as the weights of depthwise convolutions
  float* to = out.mutable_data<float>().data();
  for (std::size_t i = 0, c = 0; i < t.numel(); i += inner, c = (c + 1) % channels) {
    kernels().dequantize({.count = static_cast<std::ptrdiff_t>(inner),
                          .from = t.raw() + i,
                          .zero_point = type.per_axis() ? 0 : type.zero_point,
                          .scale = type.scale_at(c),
                          .to = to + i});
  }
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
  if (!grad.unique()) grad = grad.clone(f.memory);
  mask_clamped(*f.op, f.attributes.get(), f.outputs[o].saved, grad.mutable_data<float>());
  return grad;
}

void backward_view(FunctionNode& f, const Tensor& grad) {
  f.inputs[0].node->incoming.add(grad.reshaped(f.call->inputs[0].shape));
}

void backward_call(FunctionNode& f, std::span<const Tensor> grads, Temporary& temporary) {
  const std::size_t n = f.inputs.size(), outputs = grads.size();
  Saved in(n, temporary), out(outputs, temporary);
  for (std::size_t i = 0; i < n; ++i) in.put(i, f.inputs[i].saved, f.memory);
  auto gy = temporary.list<std::span<const float>>(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    if (f.op->saves.out.has(o)) out.put(o, f.outputs[o].saved, f.memory);
    if (grads[o]) gy[o] = grads[o].data<float>();
  }
  auto gradients = temporary.list<Tensor>(n);
  auto gx = temporary.list<std::span<float>>(n);
  const std::span<bool> wanted = temporary.flags(n), add = temporary.flags(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!f.inputs[i].node) continue;
    wanted[i] = true;
    VariableNode& node = *f.inputs[i].node;
    // A second micro-batch adds to the gradient of a weight where it lies.
    add[i] = f.op->accumulates && !node.creator && node.grad && node.grad.unique() &&
             node.incoming.empty();
    const TensorType& shaped = f.op->broadcasts ? f.call->outputs[0] : f.call->inputs[i];
    gradients[i] = add[i] ? std::move(node.grad) : float_tensor(shaped.shape, f.memory);
    gx[i] = gradients[i].mutable_data<float>();
  }
  Tensor scratch;
  if (const std::size_t bytes = f.call->backward_scratch_bytes; bytes != 0) {
    scratch = Tensor(TensorType(DType::uint8, {static_cast<std::int64_t>(bytes)}), f.memory);
  }
  const Backward b{.types_in = f.call->inputs,
                   .types_out = f.call->outputs,
                   .saved_inputs_raw = in.raw,
                   .saved_outputs_raw = out.raw,
                   .saved_inputs = in.spans,
                   .saved_outputs = out.spans,
                   .output_grads = gy,
                   .input_grads = gx,
                   .add = add,
                   .scratch = {scratch.mutable_raw(), scratch ? scratch.bytes() : 0},
                   .wanted = wanted};
  f.op->backward(f.attributes.get(), f.call->plan.get(), b);

  for (std::size_t i = 0; i < n; ++i) {
    if (!wanted[i]) continue;
    if (detecting_nan) check_finite(f, i, gx[i]);
    Tensor g = std::move(gradients[i]);
    const Shape& shape = f.call->inputs[i].shape;
    if (g.shape() != shape) g = sum_to(g, shape, f.memory);
    VariableNode& node = *f.inputs[i].node;
    if (add[i])
      node.grad = std::move(g);
    else
      node.incoming.add(std::move(g));
  }
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

/// Masks the gradients of one call and hands them on to its inputs.
void pass(FunctionNode& f) {
  const Stopwatch watch;
  Temporary temporary(f.memory);
  auto grads = temporary.list<Tensor>(f.outputs.size());
  bool reached = false;
  for (std::size_t o = 0; o < grads.size(); ++o) {
    grads[o] = output_grad(f, o);
    reached |= static_cast<bool>(grads[o]);
  }
  if (reached && f.op->views)
    backward_view(f, grads[0]);
  else if (reached)
    backward_call(f, grads, temporary);
  if (watch) tell(watch, f);
  f.free();
}

/// Values of the graph under a backward, kept alive; where it ends in an Error, what has reached
/// them is dropped.
struct Reached {
  explicit Reached(std::pmr::memory_resource* memory) : nodes(memory) {}
  ~Reached() {
    for (const auto& node : nodes) node->incoming.clear();
  }
  std::pmr::vector<std::shared_ptr<VariableNode>> nodes;
};

/// Moves what reached a leaf into its gradient.
void settle(VariableNode& leaf, std::pmr::memory_resource* memory) {
  if (leaf.incoming.empty()) return;
  if (leaf.grad) {
    GradSum sum(memory);
    sum.add(std::move(leaf.grad));
    sum.add(leaf.incoming.take(memory));
    leaf.grad = sum.take(memory);
  } else {
    leaf.grad = leaf.incoming.take(memory);
  }
}

}  // namespace

DetectNan::DetectNan() noexcept : before_(std::exchange(detecting_nan, true)) {}
DetectNan::~DetectNan() { detecting_nan = before_; }

void Variable::backward(const Tensor& seed) const {
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
  if (functions.empty()) return settle(*node_, memory);

  Reached leaves(memory), made(memory);
  made.nodes.push_back(node_);
  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input.node && !input.node->creator) leaves.nodes.push_back(input.node);
    }
  }
  // A call's free() drops the values it consumed.  Those that other calls made must outlive it:
  // they hold the gradient that has just reached them, and keep alive the calls still to pass.
  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input.node && input.node->creator) made.nodes.push_back(input.node);
    }
    pass(*f);
  }
  for (const auto& leaf : leaves.nodes) settle(*leaf, memory);
}

}  // namespace hone
