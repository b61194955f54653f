// Speed of every op on the rows of its tests (tests/ops): forward, and forward with backward where
// there is a gradient.  `ops_bench --benchmark_filter=CONV_2D`.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include <hone/variable.h>

#include "autograd/graph.h"
#include "tests/ops/draw.h"
#include "tests/ops/one_op.h"

namespace hone::tests {

#define HONE_OP(op)         \
  namespace op##_rows {     \
    extern const OpRows op; \
  }
#include "ops/table.inc"
#undef HONE_OP

namespace {

/// A row, read back from a file of its own; weights and what must be constants are in the file.
OneOp call_of(const OpRows& op, const Row& row, std::vector<Tensor>& inputs) {
  Random random(row.name);
  std::vector<bool> constant;
  for (const Arg& arg : row.inputs) {
    constant.push_back(arg.constant_only || arg.constant_too);
    inputs.push_back(arg.present() ? draw(arg, op.kinks, random) : Tensor());
  }
  return read_back(op.op, row, inputs, constant);
}

void run(benchmark::State& state, const OpRows& op, const Row& row, bool backward) {
  std::vector<Tensor> inputs;
  const OneOp call = call_of(op, row, inputs);
  std::vector<Variable> x;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& value = call.inputs[i] ? call.inputs[i] : inputs[i];
    const bool wants = backward && value && differentiable(value.type());
    x.emplace_back(value, wants ? Grad::yes : Grad::no);
  }
  for (auto _ : state) {
    const Variables y = call.run(x);
    benchmark::ClobberMemory();
    if (!backward) continue;
    y[0].backward();
    for (Variable& v : x) v.clear_grad();
  }
}

/// A gradient can be asked of it.
bool has_backward(const OpRows& op, const Row& row) {
  bool any = false;
  for (const Arg& arg : row.inputs) any |= arg.present() && differentiable(arg.type);
  return any && op.differentiable && differentiable(row.outputs[0].type);
}

void add_all(const OpRows& op) {
  for (const Row& row : op.rows) {
    const std::string name = std::string(op.op) + '/' + row.name;
    benchmark::RegisterBenchmark((name + "/forward").c_str(),
                                 [&op, &row](auto& state) { run(state, op, row, false); });
    if (!has_backward(op, row)) continue;
    benchmark::RegisterBenchmark((name + "/backward").c_str(),
                                 [&op, &row](auto& state) { run(state, op, row, true); });
  }
}

}  // namespace
}  // namespace hone::tests

int main(int argc, char** argv) {
#define HONE_OP(op) hone::tests::add_all(hone::tests::op##_rows::op);
#include "ops/table.inc"
#undef HONE_OP
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
