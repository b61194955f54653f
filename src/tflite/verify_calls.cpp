#include <algorithm>

#include "src/schema/tflite_generated.h"
#include "src/tflite/verifier.h"

namespace hone::file {
namespace {

enum class Passes : std::uint8_t { unknown, inputs_and_outputs, condition };

/// A subgraph that an operator runs, and which of the operator's tensors it hands over.
struct Called {
  std::int32_t subgraph;
  Passes passes = Passes::unknown;
  std::span<const std::int32_t> inputs, outputs;
};

// Only the control flow of the engine is checked for what is passed; of other operators the index.
std::vector<Called> calls_of(const tflite::Operator& op) {
  const auto in = items(op.inputs()), out = items(op.outputs());
  constexpr Passes both = Passes::inputs_and_outputs;
  std::vector<Called> calls;
  if (const auto* o = op.builtin_options_as_IfOptions()) {
    const auto passed = in.empty() ? in : in.subspan(1);
    calls = {{o->then_subgraph_index(), both, passed, out},
             {o->else_subgraph_index(), both, passed, out}};
  } else if (const auto* w = op.builtin_options_as_WhileOptions()) {
    calls = {{w->cond_subgraph_index(), Passes::condition, in, {}},
             {w->body_subgraph_index(), both, in, out}};
  } else if (const auto* c = op.builtin_options_as_CallOnceOptions()) {
    calls = {{c->init_subgraph_index(), both, {}, {}}};
  } else if (const auto* k = op.builtin_options_2_as_StableHLOCompositeOptions()) {
    calls = {{k->decomposition_subgraph_index(), both, in, out}};
  } else if (const auto* s = op.builtin_options_2_as_StablehloCaseOptions()) {
    for (const std::int32_t i : items(s->branch_subgraph_indices())) calls.push_back({i});
  } else if (const auto* sw = op.builtin_options_2_as_StablehloWhileOptions()) {
    calls = {{sw->cond_subgraph_index()}, {sw->body_subgraph_index()}};
  } else if (const auto* r = op.builtin_options_2_as_StablehloReduceOptions()) {
    calls = {{r->body_subgraph_index()}};
  } else if (const auto* rw = op.builtin_options_2_as_StablehloReduceWindowOptions()) {
    calls = {{rw->body_subgraph_index()}};
  } else if (const auto* so = op.builtin_options_2_as_StablehloSortOptions()) {
    calls = {{so->comparator_subgraph_index()}};
  } else if (const auto* sc = op.builtin_options_2_as_StablehloScatterOptions()) {
    calls = {{sc->update_computation_subgraph_index()}};
  }
  return calls;
}

void verify_passed(const tflite::SubGraph& caller, std::span<const std::int32_t> given,
                   const tflite::SubGraph& called, std::span<const std::int32_t> taken,
                   std::string_view what, const std::string& where) {
  if (given.size() != taken.size()) {
    fail(ErrorKind::file, where, "expected the ", given.size(), ' ', what,
         " of the operator in the subgraph it runs, got ", taken.size());
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] < 0) continue;
    const auto a = caller.tensors()->Get(static_cast<unsigned>(given[i]))->type();
    const auto b = called.tensors()->Get(static_cast<unsigned>(taken[i]))->type();
    if (a != b) {
      fail(ErrorKind::file, where, "expected ", what, " of the types in the subgraph it runs (",
           static_cast<DType>(b), "), got ", static_cast<DType>(a));
    }
  }
}

void verify_call(const Verification& v, const tflite::SubGraph& caller, const Called& call,
                 const std::string& where) {
  const std::size_t count = v.model->subgraphs()->size();
  if (call.subgraph < 0 || static_cast<std::size_t>(call.subgraph) >= count) {
    fail(ErrorKind::file, where, "expected a subgraph below ", count, ", got ", call.subgraph);
  }
  if (call.passes == Passes::unknown) return;
  const auto& called = *v.model->subgraphs()->Get(static_cast<unsigned>(call.subgraph));
  verify_passed(caller, call.inputs, called, items(called.inputs()), "inputs", where);
  if (call.passes == Passes::condition) {
    if (size_of(called.outputs()) != 1) {
      fail(ErrorKind::file, where, "expected a condition of 1 output, got ",
           size_of(called.outputs()));
    }
    return;
  }
  verify_passed(caller, call.outputs, called, items(called.outputs()), "outputs", where);
}

// No subgraph may reach itself.  Depth of calls below each, by removing leaves; what is left over
// is a cycle.
void verify_depth(const std::vector<std::vector<std::size_t>>& callees, std::size_t limit) {
  const std::size_t count = callees.size();
  std::vector<std::vector<std::size_t>> callers(count);
  std::vector<std::size_t> waiting(count), depth(count), ready;
  for (std::size_t s = 0; s < count; ++s) {
    waiting[s] = callees[s].size();
    for (const std::size_t callee : callees[s]) callers[callee].push_back(s);
    if (waiting[s] == 0) ready.push_back(s);
  }
  std::size_t done = 0;
  for (; done < ready.size(); ++done) {
    const std::size_t s = ready[done];
    if (depth[s] > limit) {
      fail(ErrorKind::file, "subgraph #" + std::to_string(s), "expected calls at most ", limit,
           " deep, got ", depth[s]);
    }
    for (const std::size_t caller : callers[s]) {
      depth[caller] = std::max(depth[caller], depth[s] + 1);
      if (--waiting[caller] == 0) ready.push_back(caller);
    }
  }
  if (done < count) {
    const auto left = std::find_if(waiting.begin(), waiting.end(), [](auto n) { return n > 0; });
    fail(ErrorKind::file, "subgraph #" + std::to_string(left - waiting.begin()),
         "expected calls without recursion, got a subgraph that calls itself");
  }
}

}  // namespace

void verify_calls(const Verification& v) {
  std::vector<std::vector<std::size_t>> callees(v.model->subgraphs()->size());
  for (std::size_t s = 0; s < callees.size(); ++s) {
    const auto& graph = *v.model->subgraphs()->Get(static_cast<unsigned>(s));
    for (std::size_t k = 0; k < size_of(graph.operators()); ++k) {
      const auto& op = *graph.operators()->Get(static_cast<unsigned>(k));
      const auto calls = calls_of(op);
      const int code = builtin_code(*v.model->operator_codes()->Get(op.opcode_index()));
      const bool needs = code == tflite::BuiltinOperator_IF ||
                         code == tflite::BuiltinOperator_WHILE ||
                         code == tflite::BuiltinOperator_CALL_ONCE ||
                         code == tflite::BuiltinOperator_STABLEHLO_COMPOSITE;
      if (needs && calls.empty()) {  // the default, subgraph 0, would be a recursion
        fail(ErrorKind::file, operator_place(*v.model, s, k), "expected its options, got none");
      }
      for (const Called& call : calls) {
        verify_call(v, graph, call, operator_place(*v.model, s, k));
        callees[s].push_back(static_cast<std::size_t>(call.subgraph));
      }
    }
  }
  verify_depth(callees, v.limits.call_depth);
}

}  // namespace hone::file
