// Speed of the kernels at the sizes of small models, for every instruction set of this machine.
// The counter "G/s" is 10^9 operations a second, a multiplication and an addition counting as two.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ops/kernels/kernels.h"

namespace hone {
namespace {

std::vector<float> floats(std::ptrdiff_t n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  std::uint32_t state = 1;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return v;
}

void count(benchmark::State& state, double operations) {
  state.counters["G/s"] = benchmark::Counter(
      operations * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

struct Layer {
  std::ptrdiff_t pixels, outputs, inputs;
  std::string name() const {
    return std::to_string(pixels) + 'x' + std::to_string(outputs) + 'x' + std::to_string(inputs);
  }
};

constexpr Layer layers[] = {{2304, 48, 8},  {2304, 8, 16},   {144, 96, 16},
                            {36, 24, 144},  {9, 336, 56},    {36, 192, 32},
                            {9, 1280, 112}, {512, 512, 512}, {1, 128, 640}};

void forward(benchmark::State& state, const Kernels& kernels, Layer l) {
  const std::vector<float> x = floats(l.pixels * l.inputs), w = floats(l.inputs * l.outputs);
  const std::vector<float> bias = floats(l.outputs);
  std::vector<float> y(static_cast<std::size_t>(l.pixels * l.outputs));
  for (auto _ : state) {
    kernels.gemm({.m = l.pixels,
                  .n = l.outputs,
                  .k = l.inputs,
                  .a = x.data(),
                  .a_row = l.inputs,
                  .b = w.data(),
                  .b_row = l.outputs,
                  .c = y.data(),
                  .c_row = l.outputs,
                  .bias = bias.data(),
                  .lo = 0,
                  .hi = 6});
    benchmark::ClobberMemory();
  }
  count(state, 2.0 * static_cast<double>(l.pixels * l.outputs * l.inputs));
}

void backward_input(benchmark::State& state, const Kernels& kernels, Layer l) {
  forward(state, kernels, {l.pixels, l.inputs, l.outputs});
}

void backward_weight(benchmark::State& state, const Kernels& kernels, Layer l) {
  const std::vector<float> gy = floats(l.pixels * l.outputs), x = floats(l.pixels * l.inputs);
  std::vector<float> gw(static_cast<std::size_t>(l.outputs * l.inputs));
  for (auto _ : state) {
    kernels.gemm({.m = l.outputs,
                  .n = l.inputs,
                  .k = l.pixels,
                  .a = gy.data(),
                  .a_row = 1,
                  .a_col = l.outputs,
                  .b = x.data(),
                  .b_row = l.inputs,
                  .c = gw.data(),
                  .c_row = l.inputs});
    benchmark::ClobberMemory();
  }
  count(state, 2.0 * static_cast<double>(l.pixels * l.outputs * l.inputs));
}

void dot(benchmark::State& state, const Kernels& kernels, Layer l) {
  const std::vector<float> x = floats(l.pixels * l.inputs), w = floats(l.inputs * l.outputs);
  std::vector<float> y(static_cast<std::size_t>(l.pixels * l.outputs));
  for (auto _ : state) {
    kernels.dot({.m = l.pixels,
                 .n = l.outputs,
                 .k = l.inputs,
                 .a = x.data(),
                 .a_row = l.inputs,
                 .b = w.data(),
                 .b_row = l.inputs,
                 .c = y.data(),
                 .c_row = l.outputs});
    benchmark::ClobberMemory();
  }
  count(state, 2.0 * static_cast<double>(l.pixels * l.outputs * l.inputs));
}

void transpose(benchmark::State& state, const Kernels& kernels, Layer l) {
  const std::vector<float> w = floats(l.inputs * l.outputs);
  std::vector<float> wt(w.size());
  for (auto _ : state) {
    kernels.transpose({.rows = l.outputs,
                       .columns = l.inputs,
                       .from = w.data(),
                       .from_row = l.inputs,
                       .to = wt.data(),
                       .to_row = l.outputs});
    benchmark::ClobberMemory();
  }
  count(state, static_cast<double>(l.outputs * l.inputs));
}

void clamp_grad(benchmark::State& state, const Kernels& kernels, Layer l) {
  const std::vector<float> y = floats(l.pixels * l.outputs);
  std::vector<float> g = y;
  for (auto _ : state) {
    kernels.clamp_grad(
        {.count = l.pixels * l.outputs, .y = y.data(), .lo = 0, .hi = 6, .g = g.data()});
    benchmark::ClobberMemory();
  }
  count(state, static_cast<double>(l.pixels * l.outputs));
}

using Body = void(benchmark::State&, const Kernels&, Layer);

void add(const std::string& what, const Kernels& kernels, Body* body, Layer layer) {
  const std::string name = what + '/' + layer.name() + '/' + kernels.isa;
  benchmark::RegisterBenchmark(name.c_str(), [body, &kernels, layer](benchmark::State& state) {
    body(state, kernels, layer);
  });
}

void add_all() {
  for (const std::string_view name : kernel_names()) {
    const Kernels* k = kernels_named(name);
    if (k == nullptr) continue;
    for (const Layer& layer : layers) {
      add("forward", *k, forward, layer);
      add("backward_input", *k, backward_input, layer);
      add("backward_weight", *k, backward_weight, layer);
      if (layer.pixels <= 9) add("dot", *k, dot, layer);
      add("transpose", *k, transpose, layer);
      add("clamp_grad", *k, clamp_grad, layer);
    }
  }
}

}  // namespace
}  // namespace hone

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  hone::add_all();
  benchmark::RunSpecifiedBenchmarks();
}
