#include <algorithm>
#include <array>
#include <cstring>

#include "autograd/graph.h"
#include "autograd/straight_through.h"
#include "autograd/temporary.h"
#include "src/tensor/stopwatch.h"

namespace hone {
namespace {

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

void check_inputs(const OpDef& op, const Call& call) {
  const std::size_t n = call.inputs.size();
  if (n < op.arity.least || n > op.arity.most) {
    call.refuse("expected ", op.arity.least, op.arity.most == op.arity.least ? "" : " or more",
                " inputs, got ", n);
  }
  for (std::size_t i = 0; i < op.arity.least; ++i) {
    if (!call.has(i)) call.refuse("expected input ", i, ", it was left out");
  }
  if (op.dtypes.empty()) return;
  const DType got = call.inputs[op.dtype_input].dtype;
  const DType runs = got == DType::int4 || got == DType::int2 ? DType::int8 : got;
  if (std::find(op.dtypes.begin(), op.dtypes.end(), runs) != op.dtypes.end()) return;
  std::string known;
  for (const DType d : op.dtypes) (known += known.empty() ? "" : ", ") += name(d);
  call.refuse("expected input ", op.dtype_input, " of type ", known, ", got ", got);
}

/// Whether the types and the values that shaped the cached plan are those of this call.
bool still_holds(const CallCache& cache, const OpDef& op, std::span<const Variable> inputs) {
  if (!cache.plan || cache.plan->inputs.size() != inputs.size()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (cache.plan->inputs[i] != inputs[i].type()) return false;
    if (op.reads.has(i) && inputs[i] && !same_bytes(cache.read_values[i], inputs[i].data()))
      return false;
  }
  return true;
}

/// Shapes that values of the file decide are known only now.
void check_sizes(const Call& call, std::span<const TensorType> outputs, std::size_t most) {
  for (const TensorType& type : outputs) {
    std::size_t left = most / std::max<std::size_t>(byte_size(type.dtype), 1);
    if (std::find(type.shape.begin(), type.shape.end(), 0) != type.shape.end()) continue;
    for (const std::int64_t d : type.shape) left /= static_cast<std::size_t>(d);
    if (left == 0) call.refuse("expected an output of at most ", most, " bytes, got ", type);
  }
}

/// Types, plan and scratch of a call, into `cache`, which is left as it was where something throws.
void make_plan(CallCache& cache, const OpDef& op, const void* attributes, Call call,
               std::span<const Variable> inputs, const CallSite& site) {
  const auto made = std::make_shared<CallPlan>();
  for (const Variable& input : inputs) made->inputs.push_back(input.type());
  call.inputs = made->inputs;
  check_inputs(op, call);
  const std::span<const TensorType> declared = site.declared;
  call.outputs = declared;
  made->outputs = op.infer(attributes, call);
  check_sizes(call, made->outputs, site.max_bytes);
  for (std::size_t o = 0; o < made->outputs.size() && o < declared.size(); ++o) {
    if (!declared[o].present()) continue;
    if (declared[o].dtype != made->outputs[o].dtype) {
      call.refuse("expected output ", o, " of type ", made->outputs[o].dtype, ", got ",
                  declared[o].dtype);
    }
    static_cast<QuantParams&>(made->outputs[o]) = declared[o];
  }
  call.outputs = made->outputs;
  made->plan = op.prepare(attributes, call);
  const void* plan = made->plan.get();
  if (op.scratch_bytes) made->scratch_bytes = op.scratch_bytes(attributes, plan, call);
  if (op.backward_scratch_bytes)
    made->backward_scratch_bytes = op.backward_scratch_bytes(attributes, plan, call);
  std::vector<Tensor> read_values(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (op.reads.has(i) && inputs[i]) read_values[i] = inputs[i].data().clone();
  }
  cache.read_values = std::move(read_values);
  cache.packed.clear();
  cache.plan = made;
}

void refresh_packed(CallCache& cache, const OpDef& op, const void* attributes, const Forward& f) {
  if (!op.refresh) return;
  bool stale = cache.packed.size() != f.inputs.size();
  cache.packed.resize(f.inputs.size());
  for (std::size_t i = 0; i < f.inputs.size(); ++i) {
    if (!op.packs.has(i)) continue;
    const std::pair<const void*, std::uint64_t> now{f.inputs[i].raw(), f.inputs[i].version()};
    stale |= cache.packed[i] != now;
    cache.packed[i] = now;
  }
  if (stale) op.refresh(attributes, cache.plan->plan.get(), f);
}

bool must_save(const OpDef& op, std::size_t i, std::span<const Variable> inputs) {
  if (!op.saves.in.has(i) || !inputs[i]) return false;
  if (!op.saves.crosswise) return true;
  for (std::size_t j = 0; j < inputs.size(); ++j) {
    if (j != i && inputs[j].requires_grad()) return true;
  }
  return false;
}

std::shared_ptr<FunctionNode> record(const OpDef& op, const Box& attributes,
                                     std::span<const Variable> inputs,
                                     std::span<const Tensor> outputs, const CallCache& cache,
                                     const CallSite& site) {
  auto function = std::allocate_shared<FunctionNode>(
      std::pmr::polymorphic_allocator<FunctionNode>(site.memory), site.memory);
  function->op = &op;
  function->attributes = attributes;
  function->call = cache.plan;
  function->site = site.cache;
  function->inputs.resize(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    FunctionNode::Input& input = function->inputs[i];
    if (inputs[i].requires_grad()) input.node = inputs[i].node();
    if (op.backward && must_save(op, i, inputs)) {
      input.saved = inputs[i].data();
      input.version = input.saved.version();
    }
  }
  function->outputs.resize(outputs.size());
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const bool clamp = has_clamp(op, attributes.get(), cache.plan->plan.get(), outputs[o].type());
    if ((op.backward && op.saves.out.has(o)) || clamp) function->outputs[o].saved = outputs[o];
  }
  if (op.normalizes) function->loss_input = inputs[0].data();
  return function;
}

}  // namespace

Variables apply(const OpDef& op, const Box& attributes, std::span<const Variable> inputs,
                const CallSite& site) {
  const Stopwatch watch;
  CallCache own;
  CallCache& cache = site.cache ? *site.cache : own;
  Temporary temporary(site.memory);
  auto values = temporary.list<Tensor>(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[i] = inputs[i].data();
  Call call{.op = op.name,
            .where = site.cache ? std::string_view(cache.where) : op.name,
            .values = values};
  if (!still_holds(cache, op, inputs)) {
    make_plan(cache, op, attributes.get(), call, inputs, site);
  }
  const CallPlan& plan = *cache.plan;
  call.inputs = plan.inputs;
  call.outputs = plan.outputs;
  if (op.check) op.check(attributes.get(), call);

  auto outputs = temporary.list<Tensor>(plan.outputs.size());
  if (op.views) {
    outputs[0] = values[0].retyped(plan.outputs[0]);
  } else {
    for (std::size_t o = 0; o < outputs.size(); ++o)
      outputs[o] = Tensor(plan.outputs[o], site.memory);
    Tensor scratch;
    if (plan.scratch_bytes != 0) {
      scratch = Tensor(TensorType(DType::uint8, {static_cast<std::int64_t>(plan.scratch_bytes)}),
                       site.memory);
    }
    const Forward f{values, outputs, {scratch.mutable_raw(), scratch ? scratch.bytes() : 0}};
    refresh_packed(cache, op, attributes.get(), f);
    op.forward(attributes.get(), plan.plan.get(), f);
  }

  std::shared_ptr<FunctionNode> function;
  const auto wants = [](const Variable& v) { return v.requires_grad(); };
  if (grad_enabled() && std::any_of(inputs.begin(), inputs.end(), wants)) {
    function = record(op, attributes, inputs, outputs, cache, site);
  }
  Variables results(site.memory);
  results.reserve(outputs.size());
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    if (!function || !differentiable(outputs[o].type())) {
      results.emplace_back(std::move(outputs[o]));
      continue;
    }
    auto node = std::allocate_shared<VariableNode>(
        std::pmr::polymorphic_allocator<VariableNode>(site.memory), outputs[o].type(), true, "",
        site.memory);
    node->creator = function;
    function->outputs[o].node = node;
    results.emplace_back(std::move(outputs[o]), std::move(node));
  }
  if (watch) {
    watch.tell(
        {.op = &op, .site = site.cache.get(), .inputs = plan.inputs, .outputs = plan.outputs});
  }
  return results;
}

}  // namespace hone
