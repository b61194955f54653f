#include "src/train/plan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "src/tensor/dry_run.h"
#include "src/tensor/model_memory.h"
#include "src/train/batch_step.h"

namespace hone {
namespace {

/// Samples of zeros in the shape that the model wants, with a target for each.
Dataset zeros(Model& model, std::size_t samples, Loss loss) {
  const std::vector<ModelTensor> inputs = model.inputs();
  if (inputs.size() != 1)
    fail(ErrorKind::unsupported, "plan", "expected a model with one input, got ", inputs.size());
  const auto sized = [&](Shape shape) {
    if (shape.rank() > 0) shape[0] = static_cast<std::int64_t>(samples);
    return shape;
  };
  const TensorType& input = inputs[0].type;
  const DType dtype = is_integer(input.dtype) && !input.quantized() ? input.dtype : DType::float32;
  Tensor x = Tensor::zeros(TensorType(dtype, sized(input.shape)));
  const Shape output = sized(model.outputs().at(0).type.shape);
  if (loss == Loss::xent) {
    const std::span<const std::int64_t> dims = output;
    const Shape rows(dims.first(dims.empty() ? 0 : dims.size() - 1));
    return Dataset(std::move(x), Tensor::zeros(TensorType(DType::int32, rows)));
  }
  return Dataset(std::move(x), Tensor::zeros(TensorType(DType::float32, output)));
}

void add(std::vector<OperatorMemory>& all, const Ledger& ledger) {
  for (const auto& [op, bytes] : ledger) {
    const auto is = [op = op](const OperatorMemory& m) { return m.op == op; };
    auto at = std::find_if(all.begin(), all.end(), is);
    if (at == all.end()) at = all.insert(all.end(), OperatorMemory{.op = op});
    const auto of = [&](Cause cause) { return bytes[static_cast<std::size_t>(cause)]; };
    at->weights += of(Cause::weights);
    at->slots += of(Cause::slots);
    at->packed += of(Cause::packed);
    at->gradients += of(Cause::gradients);
    at->activations += of(Cause::activations);
    at->scratch += of(Cause::scratch);
    at->graph += of(Cause::graph);
  }
}

const StepPlan* largest(const StepPlans& plans) {
  const StepPlan* most = nullptr;
  for (const auto& [key, plan] : plans) {
    if (most == nullptr || plan->bytes > most->bytes) most = plan.get();
  }
  return most;
}

/// A dry step, on a copy of the model in that memory.
template <class F>
void rehearse(const Model& model, const PlanOptions& options, std::pmr::memory_resource* memory,
              std::size_t samples, F&& look) {
  Model copy = model.twin({.memory = memory, .keep_packed_weights = options.keep_packed_weights});
  copy.recompute(options.recompute);
  copy.memory().watch();
  const Dataset data = zeros(copy, samples, options.loss);
  const Parameters parameters = copy.trainable(options.train, options.weights);
  const auto optimizer = make_optimizer(options.optimizer, parameters);
  const DryRun dry;
  BatchStep step(copy, *optimizer, data,
                 {.loss = options.loss,
                  .batch = options.batch,
                  .micro_batch = options.micro_batch,
                  .cache_bytes = FitOptions().cache_bytes,
                  .fused = options.fused,
                  .lanes = options.lanes});
  const std::vector<std::size_t> order = data.order(0, 0);
  for (std::size_t begin = 0; begin < samples; begin += options.batch)
    step(std::span(order).subspan(begin, std::min(options.batch, samples - begin)));
  look(copy, step, parameters);
}

/// How far the same gets into an arena with room to spare, where the last batch is short: what its
/// plans leave and what the next full one takes do not fit into one another to the byte.
std::size_t arena_for(const Model& model, const PlanOptions& options, std::size_t peak_bytes) {
  const std::size_t room = 2 * peak_bytes + (std::size_t{1} << 20);
  LazyMemory lazy;
  const auto give = [&](std::byte* bytes) { lazy.deallocate(bytes, room); };
  const std::unique_ptr<std::byte, decltype(give)> bytes(
      static_cast<std::byte*>(lazy.allocate(room)), give);
  Arena arena({bytes.get(), room});
  rehearse(model, options, &arena, 3 * options.batch - options.batch / 2, [](const auto&...) {});
  constexpr std::size_t alignment = 63, margin = 64;  // one part in 64 for other remainders
  return arena.peak_bytes() + arena.peak_bytes() / margin + alignment;
}

void plan_training(MemoryPlan& result, const Model& model, const PlanOptions& options) {
  LazyMemory lazy;
  rehearse(model, options, &lazy, options.batch,
           [&](const Model& copy, const BatchStep& step, const Parameters& parameters) {
             const ModelMemory& memory = copy.memory();
             result.micro_batch = step.micro_batch();
             result.parameters = parameters.numel();
             result.peak_bytes = memory.use().peak_bytes;
             add(result.operators, memory.kept_ledger());
             const StepPlans plans = memory.plans();
             const StepPlan* most = largest(plans);
             result.kept_bytes = result.peak_bytes - (most ? most->bytes : 0);
             if (most == nullptr) return;
             result.step_bytes = most->bytes;
             result.least_step_bytes = most->least_bytes;
             add(result.operators, most->ledger);
           });
  std::sort(result.operators.begin(), result.operators.end(),
            [](const auto& a, const auto& b) { return a.op < b.op; });
}

/// What each operator that is computed again saves, after those before it.
std::vector<Recomputed> saved_by(const Model& model, PlanOptions options) {
  std::vector<Recomputed> list;
  if (options.recompute.empty()) return list;
  const std::vector<std::size_t> operators = std::exchange(options.recompute, {});
  std::size_t before = training_peak(model, options);
  for (const std::size_t op : operators) {
    options.recompute.push_back(op);
    const std::size_t peak = training_peak(model, options);
    list.push_back({op, static_cast<std::int64_t>(before) - static_cast<std::int64_t>(peak)});
    before = peak;
  }
  return list;
}

std::size_t inference_peak(const Model& model, std::size_t samples, const PlanOptions& options) {
  LazyMemory lazy;
  Model copy = model.twin({.memory = &lazy, .keep_packed_weights = options.keep_packed_weights});
  const Dataset data = zeros(copy, samples, options.loss);
  std::vector<std::size_t> all(samples);
  for (std::size_t i = 0; i < samples; ++i) all[i] = i;
  const NoGrad no_grad;
  const DryRun dry;
  for (int i = 0; i < 2; ++i) {
    copy(Variable(data.gather(all).x));  // the caller's, wherever it is
    copy.memory().reserve();
  }
  return copy.memory().use().peak_bytes;
}

}  // namespace

std::size_t training_peak(const Model& model, const PlanOptions& options) {
  MemoryPlan result;
  plan_training(result, model, options);
  return result.peak_bytes;
}

MemoryPlan plan(const Model& model, const PlanOptions& options) {
  if (options.batch == 0) fail(ErrorKind::argument, "plan", "expected a batch of 1 or more, got 0");
  MemoryPlan result;
  plan_training(result, model, options);
  result.arena_bytes = arena_for(model, options, result.peak_bytes);
  result.recomputed = saved_by(model, options);
  result.inference_peak_bytes = inference_peak(model, result.micro_batch, options);
  return result;
}

}  // namespace hone
