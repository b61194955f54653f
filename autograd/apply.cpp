#include <algorithm>
#include <array>
#include <cstring>

#include "autograd/graph.h"
#include "autograd/straight_through.h"
#include "autograd/temporary.h"
#include "src/tensor/dry_run.h"
#include "src/tensor/memory_tag.h"
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

/// Inputs whose gradient the call will be asked for.
Slots wanted_of(std::span<const Variable> inputs) {
  Slots wanted;
  for (unsigned i = 0; grad_enabled() && i < inputs.size(); ++i) {
    if (inputs[i].requires_grad()) wanted.bits |= Slots::of({std::min(i, 31u)}).bits;
  }
  return wanted;
}

/// Whether the types and the values that shaped the cached plan are those of this call.
bool still_holds(const CallCache& cache, const OpDef& op, std::span<const Variable> inputs) {
  if (!cache.plan || cache.plan->inputs.size() != inputs.size()) return false;
  if ((wanted_of(inputs).bits & ~cache.plan->wanted.bits) != 0) return false;
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

/// Types, plan and scratch of a call, into `cache`, in place of what it held, so that both are not
/// in memory at once; where something throws, it holds none.
void make_plan(CallCache& cache, const OpDef& op, const void* attributes, Call call,
               std::span<const Variable> inputs, const CallSite& site) {
  cache.plan.reset();
  cache.read_values.clear();
  cache.packed = {};
  const auto made = std::make_shared<CallPlan>();
  call.memory = site.kept;
  call.keeps_packed = site.keeps_packed;
  made->wanted = call.wanted = wanted_of(inputs);
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
  if (op.packed_bytes) made->packed_bytes = op.packed_bytes(attributes, plan, call);
  if (op.scratch_bytes) made->scratch_bytes = op.scratch_bytes(attributes, plan, call);
  if (op.backward_scratch_bytes)
    made->backward_scratch_bytes = op.backward_scratch_bytes(attributes, plan, call);
  std::vector<Tensor> read_values(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (op.reads.has(i) && inputs[i]) read_values[i] = inputs[i].data().clone(site.kept);
  }
  cache.read_values = std::move(read_values);
  cache.plan = made;
}

Tensor bytes_in(std::pmr::memory_resource* memory, std::size_t n) {
  if (n == 0) return {};
  return Tensor(TensorType(DType::uint8, {static_cast<std::int64_t>(n)}), memory);
}

std::span<std::byte> bytes_of(Tensor& t) { return {t.mutable_raw(), t ? t.bytes() : 0}; }

/// The site with its places of memory filled in.
CallSite placed(CallSite site, std::span<const Variable> inputs) {
  const FunctionNode* graph = nullptr;
  for (const Variable& input : inputs) {
    if (graph == nullptr) graph = input.creator();
  }
  if (site.memory == nullptr) {
    site.memory = graph ? graph->kept : default_memory();
    if (site.work == nullptr && graph) site.work = graph->memory;
  }
  if (site.work == nullptr) site.work = site.memory;
  if (site.kept == nullptr) site.kept = default_memory();
  return site;
}

/// Notes which values the op packs now; whether they are those that it packed last.
bool same_packed(CallCache& cache, const OpDef& op, std::span<const Tensor> inputs) {
  bool same = static_cast<bool>(cache.packed);
  cache.packed_from.resize(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!op.packs.has(i)) continue;
    same = same && cache.packed_from[i] == inputs[i].version();
    cache.packed_from[i] = inputs[i].version();
  }
  return same;
}

/// A dry run computes only what may decide shapes.
bool computes(std::span<const Tensor> outputs) {
  if (!dry_running()) return true;
  return std::none_of(outputs.begin(), outputs.end(),
                      [](const Tensor& t) { return differentiable(t.type()); });
}

void run_forward(const OpDef& op, const void* attributes, CallCache& cache,
                 std::span<const Tensor> inputs, std::span<Tensor> outputs, const CallSite& site) {
  const CallPlan& plan = *cache.plan;
  const TakesMemory for_scratch(Cause::scratch);
  Tensor scratch = bytes_in(site.work, plan.scratch_bytes), packed;
  const bool real = computes(outputs);
  Forward f{inputs, outputs, bytes_of(scratch), {}};
  if (plan.packed_bytes != 0) {
    const bool fresh = same_packed(cache, op, inputs);
    const TakesMemory for_packed(Cause::packed);
    packed = cache.packed ? cache.packed
                          : bytes_in(site.keeps_packed ? site.kept : site.work, plan.packed_bytes);
    f.packed = bytes_of(packed);
    if (!real)
      cache.packed_from.clear();  // nothing was packed
    else if (!fresh)
      op.pack(attributes, plan.plan.get(), f);
    if (site.keeps_packed) cache.packed = packed;
  }
  if (real) op.forward(attributes, plan.plan.get(), f);
}

bool must_save(const OpDef& op, std::size_t i, std::span<const Variable> inputs) {
  if (!op.saves.in.has(i) || !inputs[i]) return false;
  if (!op.saves.crosswise) return true;
  for (std::size_t j = 0; j < inputs.size(); ++j) {
    // a bias is added: its gradient needs no value at all
    if (j != i && inputs[j].requires_grad() && !op.bias.has(j)) return true;
  }
  return false;
}

/// Inputs that the caller gives, and that nothing else holds or will ask for.
Slots given_up(const OpDef& op, std::span<const Variable> inputs, const CallSite& site,
               bool records) {
  Slots spare;
  const bool kept = records && (site.recomputed || op.normalizes);
  for (unsigned i = 0; i < inputs.size() && !kept; ++i) {
    const Tensor& x = inputs[i].data();
    if (!op.overwrites.has(i) || !site.gives.has(i)) continue;
    if (!x.unique() || x.memory() != site.memory) continue;
    if (!records || !must_save(op, i, inputs)) spare.bits |= Slots::of({i}).bits;
  }
  return spare;
}

/// Room for the outputs; the first one perhaps in the place of an input.
void make_outputs(std::span<Tensor> outputs, const CallPlan& plan, std::span<const Tensor> inputs,
                  Slots spare, std::pmr::memory_resource* memory) {
  const TakesMemory for_outputs(Cause::activations);
  for (std::size_t i = 0; i < inputs.size() && !outputs[0]; ++i) {
    const TensorType &x = plan.inputs[i], &y = plan.outputs[0];
    if (!spare.has(i) || x.numel() != y.numel() || x.bytes() != y.bytes()) continue;
    outputs[0] = inputs[i].retyped(y);
    outputs[0].bump_version();
  }
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    if (!outputs[o]) outputs[o] = Tensor(plan.outputs[o], memory);
  }
}

std::shared_ptr<FunctionNode> record(const OpDef& op, const Box& attributes,
                                     std::span<const Variable> inputs,
                                     std::span<const Tensor> outputs, const CallCache& cache,
                                     const CallSite& site) {
  auto function =
      std::allocate_shared<FunctionNode>(std::pmr::polymorphic_allocator<FunctionNode>(site.memory),
                                         inputs.size(), outputs.size(), site.memory, site.work);
  function->op = &op;
  function->attributes = attributes;
  function->call = cache.plan;
  function->site = site.cache;
  // a view of a value that is not kept would keep it
  const bool of_recomputed = op.views && inputs[0].creator() && inputs[0].creator()->recomputed;
  function->recomputed = op.differentiable() && (site.recomputed || of_recomputed);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    FunctionNode::Input& input = function->inputs[i];
    if (inputs[i].requires_grad()) input.node = inputs[i].node();
    const bool needed = function->recomputed || (op.backward && must_save(op, i, inputs));
    if (needed && input.recomputed_by() == nullptr && inputs[i]) {
      input.saved = inputs[i].data();
      input.version = input.saved.version();
    }
  }
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    VariableNode& node = function->outputs[o].node;
    node.creator = function.get();
    node.shape = outputs[o].shape();
    node.requires_grad = differentiable(outputs[o].type());
    if (function->recomputed) continue;
    const bool clamp = has_clamp(op, attributes.get(), function->plan(), outputs[o].type());
    if ((op.backward && op.saves.out.has(o)) || clamp) function->outputs[o].saved = outputs[o];
  }
  if (op.normalizes) function->loss_input = inputs[0].data();
  return function;
}

/// The forward of a recomputed call, once more: what it reads is there.
void run_again(FunctionNode& f) {
  const Stopwatch watch;
  const TakesMemory for_outputs(f.site ? f.site->index : -1, Cause::activations);
  Temporary temporary(f.memory);
  auto inputs = temporary.list<Tensor>(f.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = f.inputs[i].value();
  auto outputs = temporary.list<Tensor>(f.outputs.size());
  if (f.op->views) {
    outputs[0] = inputs[0].retyped(f.call->outputs[0]);
  } else {
    for (std::size_t o = 0; o < outputs.size(); ++o)
      outputs[o] = Tensor(f.call->outputs[o], f.memory);
    // the site may have been called with other shapes since
    CallCache own;
    own.plan = f.call;
    run_forward(*f.op, f.attributes.get(), f.site && f.site->plan == f.call ? *f.site : own, inputs,
                outputs, {.work = f.memory, .keeps_packed = false});
  }
  for (std::size_t o = 0; o < outputs.size(); ++o) f.outputs[o].saved = std::move(outputs[o]);
  if (watch) {
    watch.tell(
        {.op = f.op, .site = f.site.get(), .inputs = f.call->inputs, .outputs = f.call->outputs});
  }
}

}  // namespace

void recompute(FunctionNode& f) {
  const auto missing = [](const FunctionNode& g) { return !g.outputs[0].saved; };
  Temporary temporary(f.memory);
  auto waiting = temporary.list<FunctionNode*>(0);
  waiting.push_back(&f);
  while (!waiting.empty()) {
    FunctionNode& next = *waiting.back();
    const std::size_t before = waiting.size();
    for (const FunctionNode::Input& input : next.inputs) {
      FunctionNode* maker = input.recomputed_by();
      if (maker != nullptr && missing(*maker) && missing(next)) waiting.push_back(maker);
    }
    if (waiting.size() != before) continue;
    if (missing(next)) run_again(next);
    waiting.pop_back();
  }
}

Variables apply(const OpDef& op, const Box& attributes, std::span<const Variable> inputs,
                const CallSite& given) {
  const Stopwatch watch;
  const CallSite site = placed(given, inputs);
  CallCache own;
  CallCache& cache = site.cache ? *site.cache : own;
  const TakesMemory for_graph(cache.index, Cause::graph);
  const bool records = wanted_of(inputs).bits != 0;
  const Slots spare = given_up(op, inputs, site, records);
  Temporary temporary(site.work);
  auto values = temporary.list<Tensor>(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[i] = inputs[i].data();
  Call call{.op = op.name,
            .where = site.cache ? std::string_view(cache.where) : op.name,
            .values = values};
  if (!still_holds(cache, op, inputs)) {
    const TakesMemory for_plan(Cause::packed);
    make_plan(cache, op, attributes.get(), call, inputs, site);
  }
  const CallPlan& plan = *cache.plan;
  call.inputs = plan.inputs;
  call.outputs = plan.outputs;
  if (op.check && !dry_running()) op.check(attributes.get(), call);

  auto outputs = temporary.list<Tensor>(plan.outputs.size());
  if (op.views) {
    outputs[0] = values[0].retyped(plan.outputs[0]);
  } else {
    make_outputs(outputs, plan, values, spare, site.memory);
    run_forward(op, attributes.get(), cache, values, outputs, site);
  }

  std::shared_ptr<FunctionNode> function;
  if (records) function = record(op, attributes, inputs, outputs, cache, site);
  Variables results(site.memory);
  results.reserve(outputs.size());
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    std::shared_ptr<VariableNode> node;
    if (function && function->outputs[o].node.requires_grad)
      node = {function, &function->outputs[o].node};
    results.emplace_back(std::move(outputs[o]), std::move(node));
  }
  if (watch) {
    watch.tell(
        {.op = &op, .site = site.cache.get(), .inputs = plan.inputs, .outputs = plan.outputs});
  }
  return results;
}

}  // namespace hone
