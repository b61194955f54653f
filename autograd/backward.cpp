#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "autograd/graph.h"
#include "autograd/straight_through.h"
#include "autograd/sum_to.h"

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
    for (std::size_t i = 0; i < f->saved_in.size(); ++i) {
      if (f->saved_in[i] && f->saved_in[i].version() != f->versions_in[i]) {
        const bool named = f->inputs[i] && !f->inputs[i]->name.empty();
        fail(ErrorKind::state, f->where(), "expected input ", i, named ? " \"" : "",
             named ? escaped(f->inputs[i]->name) : "", named ? "\"" : "",
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

/// Spans over what was saved, in real units.
struct Saved {
  Saved(const std::vector<Tensor>& tensors, std::pmr::memory_resource* memory)
      : floats(tensors.size()), spans(tensors.size()) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!tensors[i] || !differentiable(tensors[i].type())) continue;
      floats[i] = tensors[i].to_float(memory);
      spans[i] = floats[i].data<float>();
    }
  }
  std::vector<Tensor> floats;
  std::vector<std::span<const float>> spans;
};

/// The gradients of one call's outputs, summed over branches and masked; the first may be handed on by views.
std::vector<Tensor> output_grads(FunctionNode& f) {
  std::vector<Tensor> grads(f.outputs.size());
  for (std::size_t o = 0; o < grads.size(); ++o) {
    const auto node = f.outputs[o].lock();
    if (!node || node->incoming.empty()) continue;
    grads[o] = node->incoming.take(f.memory);
    if (!has_clamp(*f.op, f.attributes.get(), f.plan.get(), f.types_out[o])) continue;
    if (!grads[o].unique()) grads[o] = grads[o].clone(f.memory);
    mask_clamped(*f.op, f.attributes.get(), f.saved_out[o], grads[o].mutable_data<float>());
  }
  return grads;
}

void backward_view(FunctionNode& f, Tensor grad) {
  f.inputs[0]->incoming.add(grad.reshaped(f.types_in[0].shape));
}

void backward_call(FunctionNode& f, std::vector<Tensor> grads) {
  const std::size_t n = f.inputs.size();
  const Saved in(f.saved_in, f.memory);
  std::vector<Tensor> saved_out(f.saved_out.size());
  for (std::size_t o = 0; o < saved_out.size(); ++o) {
    if (f.op->saves.out.has(o)) saved_out[o] = f.saved_out[o];
  }
  const Saved out(saved_out, f.memory);

  std::vector<std::span<const float>> gy(grads.size());
  for (std::size_t o = 0; o < grads.size(); ++o) {
    if (grads[o]) gy[o] = grads[o].data<float>();
  }
  std::vector<Tensor> gradients(n);
  std::vector<std::span<float>> gx(n);
  const auto flags = std::make_unique<bool[]>(2 * n);  // wanted, then added to
  const std::span<bool> wanted(flags.get(), n), add(flags.get() + n, n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!f.inputs[i]) continue;
    wanted[i] = true;
    VariableNode& node = *f.inputs[i];
    // A second micro-batch adds to the gradient of a weight where it lies.
    add[i] = f.op->accumulates && !node.creator && node.grad && node.grad.unique() &&
             node.incoming.empty();
    gradients[i] =
        add[i]
            ? std::move(node.grad)
            : float_tensor(f.op->broadcasts ? f.types_out[0].shape : f.types_in[i].shape, f.memory);
    gx[i] = gradients[i].mutable_data<float>();
  }
  Tensor scratch;
  if (f.backward_scratch_bytes != 0) {
    scratch = Tensor(
        TensorType(DType::uint8, {static_cast<std::int64_t>(f.backward_scratch_bytes)}), f.memory);
  }
  const Backward b{.types_in = f.types_in,
                   .types_out = f.types_out,
                   .saved_inputs_raw = f.saved_in,
                   .saved_outputs_raw = saved_out,
                   .saved_inputs = in.spans,
                   .saved_outputs = out.spans,
                   .output_grads = gy,
                   .input_grads = gx,
                   .add = add,
                   .scratch = {scratch.mutable_raw(), scratch ? scratch.bytes() : 0},
                   .wanted = wanted};
  f.op->backward(f.attributes.get(), f.plan.get(), b);

  for (std::size_t i = 0; i < n; ++i) {
    if (!wanted[i]) continue;
    if (detecting_nan) check_finite(f, i, gx[i]);
    Tensor g = std::move(gradients[i]);
    if (g.shape() != f.types_in[i].shape) g = sum_to(g, f.types_in[i].shape, f.memory);
    if (add[i])
      f.inputs[i]->grad = std::move(g);
    else
      f.inputs[i]->incoming.add(std::move(g));
  }
}

/// Values of the graph under a backward, kept alive; where it ends in an Error, what has reached them is dropped.
struct Reached {
  ~Reached() {
    for (const auto& node : nodes) node->incoming = {};
  }
  std::vector<std::shared_ptr<VariableNode>> nodes;
};

/// Moves what reached a leaf into its gradient.
void settle(VariableNode& leaf, std::pmr::memory_resource* memory) {
  if (leaf.incoming.empty()) return;
  if (leaf.grad) {
    GradSum sum;
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
  std::vector<FunctionNode*> functions;
  if (node_->creator) functions = collect(*node_->creator);
  verify(functions);

  std::pmr::memory_resource* memory = functions.empty() ? default_memory() : functions[0]->memory;
  Tensor start = seed ? seed : float_tensor(shape(), memory);
  if (!seed) std::fill_n(start.mutable_data<float>().data(), start.numel(), 1.0f);
  node_->incoming.add(std::move(start));
  if (functions.empty()) return settle(*node_, memory);

  Reached leaves, made{{node_}};
  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input && !input->creator) leaves.nodes.push_back(input);
    }
  }
  // A call's free() drops the values it consumed.  Those that other calls made must outlive it: they hold the gradient
  // that has just reached them, and keep alive the calls that are still to pass.
  for (FunctionNode* f : functions) {
    for (const auto& input : f->inputs) {
      if (input && input->creator) made.nodes.push_back(input);
    }
    std::vector<Tensor> grads = output_grads(*f);
    const bool reached =
        std::any_of(grads.begin(), grads.end(), [](const Tensor& g) { return bool(g); });
    if (reached && f->op->views)
      backward_view(*f, std::move(grads[0]));
    else if (reached)
      backward_call(*f, std::move(grads));
    f->free();
  }
  for (const auto& leaf : leaves.nodes) settle(*leaf, memory);
}

}  // namespace hone
