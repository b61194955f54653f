#include "autograd/backward_call.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/sum_to.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/stretches.h"
#include "src/tensor/dry_run.h"
#include "src/tensor/memory_tag.h"

namespace hone {
namespace {

constexpr std::size_t weight = 1;           // the input whose rows are split
constexpr std::size_t most_of_part = 8192;  // weights at a time

thread_local bool detecting_nan = false;

/// Elements of `t` from `begin` on as floats of that shape, by the kernels for the type that
/// matters; of other types, all.
Tensor in_real_units(const Tensor& t, std::size_t begin, const Shape& shape,
                     std::pmr::memory_resource* memory) {
  const TensorType& type = t.type();
  if (type.dtype != DType::int8 && !dry_running()) return t.to_float(memory);
  Tensor out = float_tensor(shape, memory);
  if (dry_running()) return out;
  float* to = out.mutable_data<float>().data();
  for_stretches(type, begin, out.numel(), [&](const Stretch& s) {
    kernels().dequantize({.count = static_cast<std::ptrdiff_t>(s.count),
                          .from = t.raw() + begin + s.first,
                          .zero_point = s.zero_point,
                          .scales = s.scales,
                          .to = to + s.first});
  });
  return out;
}

}  // namespace

DetectNan::DetectNan() noexcept : before_(std::exchange(detecting_nan, true)) {}
DetectNan::~DetectNan() { detecting_nan = before_; }

void check_gradient(const FunctionNode& f, std::size_t i, const Tensor& grad) {
  if (!detecting_nan) return;
  const auto values = grad.data<float>();
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) {
      fail(ErrorKind::data, f.where(), "expected finite gradients, got ", values[k], " at element ",
           k, " of input ", i);
    }
  }
}

bool needs_input(const FunctionNode& f, std::size_t saved, std::span<const bool> wanted) noexcept {
  if (!f.op->saves.in.has(saved)) return false;
  if (!f.op->saves.crosswise) return true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    // a bias is added: its gradient needs no value at all
    if (wanted[i] && i != saved && !f.op->bias.has(i)) return true;
  }
  return false;
}

BackwardCall::Saved::Saved(std::size_t n, Temporary& temporary)
    : raw(temporary.list<Tensor>(n)),
      floats(temporary.list<Tensor>(n)),
      spans(temporary.list<std::span<const float>>(n)) {}

void BackwardCall::Saved::put(std::size_t i, const Tensor& saved,
                              std::pmr::memory_resource* memory) {
  raw[i] = saved;
  if (!saved || !differentiable(saved.type())) return;
  if (saved.dtype() != DType::float32) floats[i] = in_real_units(saved, 0, saved.shape(), memory);
  spans[i] = (floats[i] ? floats[i] : raw[i]).data<float>();
}

BackwardCall::BackwardCall(FunctionNode& f, std::span<const Tensor> grads,
                           std::span<const bool> wanted, Temporary& temporary, GradientSink* sink)
    : f_(f),
      grads_(grads),
      wanted_(wanted),
      sink_(sink),
      in_(f.inputs.size(), temporary),
      out_(grads.size(), temporary),
      gy_(temporary.list<std::span<const float>>(grads.size())),
      gradients_(temporary.list<Tensor>(f.inputs.size())),
      gx_(temporary.list<std::span<float>>(f.inputs.size())),
      held_(temporary.flags(f.inputs.size())),
      add_(temporary.flags(f.inputs.size())),
      now_(temporary.flags(f.inputs.size())) {}

const TensorType& BackwardCall::weights() const { return f_.call->inputs[weight]; }

/// Whether the sink takes the gradient of the weights in parts: only this call uses them.
bool BackwardCall::gives_parts() const {
  if (!wanted_[weight] || sink_ == nullptr) return false;
  const VariableNode& node = *f_.inputs[weight].node;
  return !node.creator && node.uses == 1 && !node.grad && node.incoming.empty() &&
         sink_->takes_parts(&node);
}

bool BackwardCall::splits() const {
  if (!f_.op->splits || !f_.op->splits(f_.plan())) return false;
  const TensorType& type = weights();
  const bool widens = type.dtype == DType::int8 && needs_input(f_, weight, wanted_);
  return type.shape.numel() > most_of_part && (widens || gives_parts());
}

void BackwardCall::operator()() {
  start(Slots::none());
  run(wanted_, {0, f_.op->splits ? weights().shape[0] : 0});
  finish();
}

void BackwardCall::in_parts() {
  start(gives_parts() ? Slots::of({weight}) : Slots::none(), Slots::of({weight}));
  const std::span<float> whole = gx_[weight];
  std::copy(wanted_.begin(), wanted_.end(), now_.begin());
  const std::int64_t rows = weights().shape[0];
  const std::size_t row = weights().shape.numel() / static_cast<std::size_t>(rows);
  const auto most = static_cast<std::int64_t>(std::max<std::size_t>(most_of_part / row, 1));
  for (std::int64_t first = 0; first < rows; first += most) {
    part(static_cast<std::size_t>(first) * row, {first, std::min(most, rows - first)}, row, whole);
    // what follows adds to the first part, and has its bias
    for (std::size_t i = 0; i < now_.size(); ++i) {
      add_[i] |= i != weight;
      now_[i] = now_[i] && !f_.op->bias.has(i);
    }
  }
  finish();
}

/// One part, the elements from `begin` on: `whole` is room for the gradient of all, empty where the
/// sink takes parts.
void BackwardCall::part(std::size_t begin, Backward::Rows rows, std::size_t row,
                        std::span<float> whole) {
  const std::size_t size = static_cast<std::size_t>(rows.count) * row;
  const Shape shape = {rows.count, static_cast<std::int64_t>(row)};
  Tensor values, gradient;
  if (needs_input(f_, weight, wanted_)) {
    const TakesMemory for_scratch(Cause::scratch);
    const Tensor w = f_.inputs[weight].value();
    if (w.dtype() != DType::float32) values = in_real_units(w, begin, shape, f_.memory);
    in_.spans[weight] = values ? values.data<float>() : w.data<float>().subspan(begin, size);
  }
  if (!wanted_[weight]) return run(now_, rows);
  if (!whole.empty()) {
    gx_[weight] = whole.subspan(begin, size);
    return run(now_, rows);
  }
  const TakesMemory for_gradient(Cause::gradients);
  gradient = float_tensor(shape, f_.memory);
  gx_[weight] = gradient.mutable_data<float>();
  run(now_, rows);
  check_gradient(f_, weight, gradient);
  sink_->take_part(f_.inputs[weight].node.get(), begin, gradient);
}

/// What was saved, and room for gradients, but for some inputs.
void BackwardCall::start(Slots no_gradient, Slots no_value) {
  const TakesMemory for_scratch(Cause::scratch);
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (needs_input(f_, i, wanted_) && !no_value.has(i))
      in_.put(i, f_.inputs[i].value(), f_.memory);
  }
  for (std::size_t o = 0; o < grads_.size(); ++o) {
    if (f_.op->saves.out.has(o)) out_.put(o, f_.outputs[o].saved, f_.memory);
    if (grads_[o]) gy_[o] = grads_[o].data<float>();
  }
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (!wanted_[i] || no_gradient.has(i)) continue;
    gradients_[i] = started(i, held_[i]);
    gx_[i] = gradients_[i].mutable_data<float>();
    add_[i] = held_[i];
  }
  if (const std::size_t bytes = f_.call->backward_scratch_bytes; bytes != 0)
    scratch_ = Tensor(TensorType(DType::uint8, {static_cast<std::int64_t>(bytes)}), f_.memory);
}

void BackwardCall::run(std::span<const bool> wanted, Backward::Rows rows) {
  if (dry_running()) return;
  const Backward b{.types_in = f_.call->inputs,
                   .types_out = f_.call->outputs,
                   .saved_inputs_raw = in_.raw,
                   .saved_outputs_raw = out_.raw,
                   .saved_inputs = in_.spans,
                   .saved_outputs = out_.spans,
                   .output_grads = gy_,
                   .input_grads = gx_,
                   .add = add_,
                   .scratch = {scratch_.mutable_raw(), scratch_ ? scratch_.bytes() : 0},
                   .wanted = wanted,
                   .rows = rows};
  f_.op->backward(f_.attributes.get(), f_.plan(), b);
}

void BackwardCall::finish() {
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (gradients_[i]) hand_on(i, std::move(gradients_[i]), held_[i]);
  }
}

/// Room for the gradient of input i; `add`: it holds a sum that backward adds to.
Tensor BackwardCall::started(std::size_t i, bool& add) {
  const TakesMemory for_gradient(Cause::gradients);
  VariableNode& node = *f_.inputs[i].node;
  // A second micro-batch adds to the gradient of a weight where it lies.
  add = f_.op->accumulates && !node.creator && node.grad && node.grad.unique() &&
        node.incoming.empty();
  if (add) return std::move(node.grad);
  const TensorType& shaped = f_.op->broadcasts ? f_.call->outputs[0] : f_.call->inputs[i];
  return float_tensor(shaped.shape, node.creator || sink_ ? f_.memory : node.memory);
}

void BackwardCall::hand_on(std::size_t i, Tensor g, bool added) {
  const TakesMemory for_gradient(Cause::gradients);
  check_gradient(f_, i, g);
  const Shape& shape = f_.call->inputs[i].shape;
  VariableNode& node = *f_.inputs[i].node;
  if (g.shape() != shape) g = sum_to(g, shape, node.creator || sink_ ? f_.memory : node.memory);
  if (added)
    node.grad = std::move(g);
  else
    node.incoming.add(std::move(g));
}

}  // namespace hone
