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

/// Lets go of a value of a call without recursion, however long the chain behind it: what that sets
/// free waits in a list of this thread instead of being destroyed on the spot.
void bury(std::shared_ptr<VariableNode> node) {
  thread_local std::pmr::vector<std::shared_ptr<VariableNode>>* waiting = nullptr;
  if (waiting != nullptr) {
    waiting->push_back(std::move(node));
    return;
  }
  if (node.use_count() > 1) return;
  std::pmr::vector<std::shared_ptr<VariableNode>> list(node->creator->memory);
  waiting = &list;
  list.push_back(std::move(node));
  while (!list.empty()) {
    const std::shared_ptr<VariableNode> next = std::move(list.back());
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
    : VariableNode(resource) {
  shape = type.shape;
  requires_grad = wants_grad;
  name = label;
}

VariableNode::VariableNode(std::pmr::memory_resource* resource)
    : memory(resource), incoming(resource) {
  ++alive;
}

VariableNode::~VariableNode() { --alive; }

FunctionNode::FunctionNode(std::size_t input_count, std::size_t output_count,
                           std::pmr::memory_resource* kept_in, std::pmr::memory_resource* work)
    : number(next_number++),
      memory(work),
      kept(kept_in),
      inputs(input_count, kept_in),
      outputs(output_count, kept_in, kept_in) {
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

FunctionNode::Input::~Input() {
  if (node && node->creator != nullptr) bury(std::move(node));
}

FunctionNode* FunctionNode::Input::recomputed_by() const noexcept {
  FunctionNode* creator = node ? node->creator : nullptr;
  return creator != nullptr && creator->recomputed ? creator : nullptr;
}

Tensor FunctionNode::Input::value() const noexcept {
  const FunctionNode* creator = recomputed_by();
  if (creator == nullptr) return saved;
  for (const Output& output : creator->outputs) {
    if (&output.node == node.get()) return output.saved;
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
      FunctionNode* creator = input.node ? input.node->creator : nullptr;
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

FunctionNode* Variable::creator() const noexcept { return node_ ? node_->creator : nullptr; }

Variable logits(const Variable& y) {
  const FunctionNode* creator = y.creator();
  if (creator == nullptr || !creator->loss_input) return y;
  return Variable(creator->loss_input, creator->inputs[0].node);
}

}  // namespace hone
