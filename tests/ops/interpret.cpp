#include "tests/ops/interpret.h"

#include "autograd/graph.h"
#include "ops/table.h"

namespace hone::tests {
namespace {

Variable leaf(Tensor value) {
  const Grad grad = differentiable(value.type()) ? Grad::yes : Grad::no;
  return Variable(std::move(value), grad);
}

enum class Mode { kept, unkept, in_place };

Interpreted run(const file::ModelFile& model, std::span<const Tensor> inputs, Mode mode) {
  const file::Subgraph& graph = model.subgraphs[0];
  Interpreted done;
  std::map<std::int32_t, Variable> values;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    TensorType type = model.tensor(0, graph.inputs[i]).type;
    type.shape = inputs[i].shape();  // the file's batch may be open
    done.inputs.push_back(leaf(inputs[i].retyped(type)));
    values[graph.inputs[i]] = done.inputs.back();
  }
  const auto value_of = [&](std::int32_t tensor) {
    if (tensor < 0) return Variable();
    const auto known = values.find(tensor);
    if (known != values.end()) return known->second;
    const Variable constant = leaf(model.constant(0, tensor));
    done.constants[tensor] = values[tensor] = constant;
    return constant;
  };
  for (std::size_t n = 0; n < graph.operators.size(); ++n) {
    const file::OperatorInfo& info = graph.operators[n];
    const OpDef* op = ops::find(info.code);
    if (!op) fail(ErrorKind::unsupported, info.name, "not in the table of ops");
    std::vector<Variable> x;
    for (const std::int32_t tensor : info.inputs) x.push_back(value_of(tensor));
    for (Variable& v : x) {
      if (mode == Mode::in_place) v = Variable(v.data().clone());
    }
    std::vector<TensorType> declared;
    for (const std::int32_t tensor : info.outputs) declared.push_back(model.tensor(0, tensor).type);
    auto cache = std::make_shared<CallCache>();
    cache->where = file::operator_place(model, 0, n);
    const Variables y = apply(*op, op->parse(info.options), x,
                              {.declared = declared,
                               .cache = cache,
                               .keeps_packed = mode == Mode::kept,
                               .gives = mode == Mode::in_place ? Slots::all() : Slots::none()});
    for (std::size_t o = 0; o < y.size(); ++o) values[info.outputs[o]] = y[o];
  }
  for (const std::int32_t tensor : graph.outputs) done.outputs.push_back(value_of(tensor));
  return done;
}

}  // namespace

Interpreted interpret(const file::ModelFile& model, std::span<const Tensor> inputs,
                      bool keeps_packed) {
  return run(model, inputs, keeps_packed ? Mode::kept : Mode::unkept);
}

Interpreted interpret_in_place(const file::ModelFile& model, std::span<const Tensor> inputs) {
  const NoGrad inference;
  return run(model, inputs, Mode::in_place);
}

}  // namespace hone::tests
