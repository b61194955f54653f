// Whole steps: forward, and forward with loss, backward and update, of the committed models and of
// the workloads in ../shared/bench (or HONE_SHARED/bench) where they are.
//
//     steps_bench --benchmark_filter='har_watch.*/step/32'
//
// Names are MODEL/forward|step|step_in_place/BATCH.  The time is that of one step; "peak_KB" are
// the tensors' bytes during the steps.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <hone/model.h>
#include <hone/optim.h>
#include <hone/train.h>

#include "src/train/batch_step.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

/// Noise in the shape of the model's first input; labels are class 0 and 1 in turns.
Dataset noise(const Model& model, std::size_t samples) {
  TensorType type = model.inputs()[0].type;
  type.shape[0] = static_cast<std::int64_t>(samples);
  Tensor x(TensorType{DType::float32, type.shape}), y(TensorType{DType::int32, {type.shape[0]}});
  std::uint32_t state = 1;
  for (float& v : x.mutable_data<float>()) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  const auto labels = y.mutable_data<std::int32_t>();
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<std::int32_t>(i % 2);
  return Dataset(x, y);
}

std::vector<std::size_t> first(std::size_t samples) {
  std::vector<std::size_t> all(samples);
  for (std::size_t i = 0; i < samples; ++i) all[i] = i;
  return all;
}

void show_peak(benchmark::State& state) {
  state.counters["peak_KB"] = static_cast<double>(memory_use().peak_bytes) / 1024;
}

void forward(benchmark::State& state, const std::string& path) {
  Model model = Model::load(path);
  const auto batch = static_cast<std::size_t>(state.range(0));
  const NoGrad no_grad;
  const std::size_t micro = choose_micro_batch(model, batch, 0);
  const Variable x(noise(model, batch).gather(first(micro)).x);
  reset_peak();
  for (auto _ : state) {
    for (std::size_t done = 0; done < batch; done += micro) benchmark::DoNotOptimize(model(x));
  }
  show_peak(state);
}

void step(benchmark::State& state, const std::string& path, Update update) {
  Model model = Model::load(path);
  const auto batch = static_cast<std::size_t>(state.range(0));
  const Dataset data = noise(model, batch);
  Sgd optimizer(model.trainable(all(), {.update = update}), {.lr = 1e-5f});
  BatchStep one(model, optimizer, data, {.loss = Loss::xent, .batch = batch});
  const std::vector<std::size_t> samples = first(batch);
  one(samples);  // plans and packs
  reset_peak();
  for (auto _ : state) benchmark::DoNotOptimize(one(samples));
  show_peak(state);
}

template <class Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), body)
      ->Arg(1)
      ->Arg(8)
      ->Arg(32)
      ->Unit(benchmark::kMillisecond);
}

void add_model(const fs::path& path) {
  const std::string name = path.stem().string(), file = path.string();
  add(name + "/forward", [file](benchmark::State& s) { forward(s, file); });
  add(name + "/step", [file](benchmark::State& s) { step(s, file, Update::shadow); });
  if (!name.ends_with("int8")) return;
  add(name + "/step_in_place", [file](benchmark::State& s) { step(s, file, Update::in_place); });
}

void add_all() {
  const fs::path root = HONE_SOURCE_ROOT;
  for (const char* kind : {"float32", "float16", "dynamic", "int8"}) {
    add_model(root / "tests/models" / ("har_watch_" + std::string(kind) + ".tflite"));
  }
  const char* elsewhere = std::getenv("HONE_SHARED");
  const fs::path bench = (elsewhere ? fs::path(elsewhere) : root / "../shared") / "bench";
  for (const std::string workload : {"W1", "W2", "W3", "W4", "W5", "W6", "W7"}) {
    for (const char* kind : {"", "_int8"}) {
      const fs::path path = bench / (workload + kind + ".tflite");
      if (fs::exists(path)) add_model(path);
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
