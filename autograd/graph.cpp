#include "autograd/graph.h"

#include <algorithm>
#include <atomic>

#include "ops/kernels/kernels.h"
#include "src/tensor/dry_run.h"

namespace hone {
namespace {

std::atomic<std::size_t> alive{0};
std::atomic<std::uint64_t> next_number{1};
thread_local bool recording = true;

/// Destroys a FunctionNode without recursion, however long the chain behind it: what its
/// destruction sets free waits in a list of this thread instead of being destroyed on the spot.
void bury(std::shared_ptr<FunctionNode> function) {
  thread_local std::pmr::vector<std::shared_ptr<FunctionNode>>* waiting = nullptr;
  if (waiting != nullptr) {
    waiting->push_back(std::move(function));
    return;
  }
  if (function.use_count() > 1) return;
  std::pmr::vector<std::shared_ptr<FunctionNode>> list(function->memory);
  waiting = &list;
  list.push_back(std::move(function));
  while (!list.empty()) {
    const std::shared_ptr<FunctionNode> next = std::move(list.back());
    list.pop_back();
  }
  waiting = nullptr;
}

}  // namespace

void GradSum::add(Tensor grad) {
  if (empty())
    first_ = std::move(grad);
  else
    more_.push_back(std::move(grad));
}

Tensor GradSum::take(std::pmr::memory_resource* memory) {
  Tensor sum = std::move(first_);
  if (more_.empty()) return sum;
  if (dry_running()) {
    if (!sum.unique()) sum = Tensor(sum.type(), memory);
    more_.clear();
    return sum;
  }
  if (!sum.unique()) sum = sum.clone(memory);
  const auto total = sum.mutable_data<float>();
  for (const Tensor& term : more_) {
    kernels().axpy({.count = static_cast<std::ptrdiff_t>(total.size()),
                    .x = term.data<float>().data(),
                    .y = total.data()});
  }
  more_.clear();
  return sum;
}

void GradSum::clear() noexcept {
  first_ = {};
  more_.clear();
}

VariableNode::VariableNode(const TensorType& type, bool wants_grad, std::string_view label,
                           std::pmr::memory_resource* resource)
    : memory(resource),
      shape(type.shape),
      requires_grad(wants_grad),
      name(label),
      incoming(resource) {
  ++alive;
}

VariableNode::~VariableNode() {
  if (creator) bury(std::move(creator));
  --alive;
}

FunctionNode::FunctionNode(std::pmr::memory_resource* own, std::pmr::memory_resource* work,
                           std::pmr::memory_resource* kept_in)
    : number(next_number++), memory(work), kept(kept_in), inputs(own), outputs(own) {
  ++alive;
}
FunctionNode::~FunctionNode() { --alive; }

void FunctionNode::free() noexcept {
  inputs.clear();
  for (Output& output : outputs) output.saved = {};
  loss_input = {};
  call.reset();
  freed = true;
}

bool GradientSink::takes_parts(const VariableNode*) const { return false; }
void GradientSink::take_part(const VariableNode*, std::size_t, const Tensor&) {}

FunctionNode* FunctionNode::Input::recomputed_by() const noexcept {
  FunctionNode* creator = node ? node->creator.get() : nullptr;
  return creator != nullptr && creator->recomputed ? creator : nullptr;
}

Tensor FunctionNode::Input::value() const noexcept {
  const FunctionNode* creator = recomputed_by();
  if (creator == nullptr) return saved;
  for (const Output& output : creator->outputs) {
    if (output.node.lock() == node) return output.saved;
  }
  return {};
}

std::pmr::vector<FunctionNode*> collect(FunctionNode& root) {
  static std::atomic<std::uint64_t> walks{0};
  const std::uint64_t walk = ++walks;
  std::pmr::vector<FunctionNode*> found({&root}, root.memory);
  root.visit = walk;
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& input : found[i]->inputs) {
      FunctionNode* creator = input.node ? input.node->creator.get() : nullptr;
      if (creator == nullptr || creator->visit == walk) continue;
      creator->visit = walk;
      found.push_back(creator);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto* a, const auto* b) { return a->number > b->number; });
  return found;
}

std::size_t live_nodes() noexcept { return alive; }

bool grad_enabled() noexcept { return recording; }
NoGrad::NoGrad() noexcept : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }

Variable::Variable(Tensor data, Grad grad, std::string_view name, std::pmr::memory_resource* memory)
    : data_(std::move(data)) {
  if (!data_) return;
  if (grad == Grad::yes && !differentiable(data_.type())) {
    fail(ErrorKind::argument, "variable",
         "expected float or quantized values to take a gradient of, got ", data_.type());
  }
  if (grad == Grad::yes || !name.empty()) {
    node_ = std::make_shared<VariableNode>(data_.type(), grad == Grad::yes, name, memory);
  }
}

Variable::Variable(Tensor data, std::shared_ptr<VariableNode> node)
    : data_(std::move(data)), node_(std::move(node)) {}

float Variable::item() const {
  if (data_.numel() != 1)
    fail(ErrorKind::argument, "item", "expected one element, got shape ", shape());
  return data_.to_float().data<float>()[0];
}

bool Variable::requires_grad() const noexcept { return node_ && node_->requires_grad; }

const std::string& Variable::name() const noexcept {
  static const std::string none;
  return node_ ? node_->name : none;
}

Tensor Variable::grad() const { return node_ ? node_->grad : Tensor(); }

void Variable::clear_grad() noexcept {
  if (node_) node_->grad = {};
}

const std::shared_ptr<FunctionNode>& Variable::creator() const noexcept {
  static const std::shared_ptr<FunctionNode> none;
  return node_ ? node_->creator : none;
}

Variable logits(const Variable& y) {
  const auto& creator = y.creator();
  if (!creator || !creator->loss_input) return y;
  return Variable(creator->loss_input, creator->inputs[0].node);
}

}  // namespace hone
