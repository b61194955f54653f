#include "src/train/batch_step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <numeric>
#include <utility>

#include <hone/loss.h>
#include <hone/threads.h>

#include "autograd/graph.h"
#include "ops/kernels/kernels.h"

#include "src/tensor/dry_run.h"
#include "src/tensor/model_memory.h"

namespace hone {

namespace {

/// Samples as the model takes them; the floats that they were quantized from are gone.
Variable inputs_of(Model& model, const Dataset& data, std::span<const std::size_t> samples) {
  return model.fitted(Variable(data.gather(samples, model.memory().step()).x));
}

/// The values of some samples at the cut.
Variables frozen(Model& model, const Dataset& data, std::span<const std::size_t> samples) {
  // see BatchStep::step_key
  const ModelMemory::Running running(model.memory(), std::uint64_t{samples.size()} * 8 + 1);
  return model.run_frozen(inputs_of(model, data, samples));
}

}  // namespace

CutCache::CutCache(Model& model, const Dataset& data, std::size_t step, std::size_t limit_bytes) {
  if (limit_bytes == 0 || !model.has_frozen_part()) return;
  plan_memory(model, data, step);
  for (std::size_t begin = 0; begin < data.size(); begin += step) {
    std::vector<std::size_t> some(std::min(step, data.size() - begin));
    std::iota(some.begin(), some.end(), begin);
    const Variables cut = frozen(model, data, some);
    if (begin == 0 && !reserve(cut, some.size(), data.size(), limit_bytes)) return;
    for (std::size_t k = 0; k < cut.size(); ++k) {
      const std::size_t row = cut[k].data().bytes() / some.size();
      std::copy_n(cut[k].data().raw(), cut[k].data().bytes(),
                  values_[k].mutable_raw() + begin * row);
    }
  }
}

/// A dry run of each size, so that the memory of all is planned.
void CutCache::plan_memory(Model& model, const Dataset& data, std::size_t step) {
  const DryRun dry;
  std::vector<std::size_t> some(std::min(step, data.size()));
  std::iota(some.begin(), some.end(), std::size_t{0});
  for (const std::size_t n : {some.size(), data.size() % some.size()}) {
    if (n == 0) continue;
    frozen(model, data, std::span(some).first(n));
  }
  model.memory().reserve();
}

bool CutCache::reserve(std::span<const Variable> cut, std::size_t some, std::size_t all,
                       std::size_t limit_bytes) {
  std::size_t bytes = 0;
  for (const Variable& v : cut) {
    if (v.shape().rank() == 0 || v.shape()[0] % static_cast<std::int64_t>(some) != 0) return false;
    bytes += v.data().bytes() / some * all;
  }
  if (cut.empty() || bytes > limit_bytes) return false;
  samples_ = all;
  for (const Variable& v : cut) {
    TensorType type = v.type();
    type.shape[0] =
        type.shape[0] / static_cast<std::int64_t>(some) * static_cast<std::int64_t>(all);
    values_.emplace_back(std::move(type));
  }
  return true;
}

std::vector<Variable> CutCache::gather(std::span<const std::size_t> samples,
                                       std::pmr::memory_resource* memory) const {
  std::vector<Variable> rows;
  for (const Tensor& all : values_) {
    TensorType type = all.type();
    const std::size_t row = all.bytes() / samples_;
    type.shape[0] = type.shape[0] / static_cast<std::int64_t>(samples_) *
                    static_cast<std::int64_t>(samples.size());
    Tensor some(std::move(type), memory);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      std::copy_n(all.raw() + samples[i] * row, row, some.mutable_raw() + i * row);
    }
    rows.emplace_back(std::move(some));
  }
  return rows;
}

std::size_t choose_micro_batch(Model& model, std::size_t batch, std::size_t wanted) {
  if (batch == 0) fail(ErrorKind::argument, "fit", "expected a batch of 1 or more, got 0");
  const std::size_t most = wanted != 0 ? std::min(wanted, batch) : batch;
  if (most > 1 && !model.can_batch(most)) return 1;
  if (wanted != 0) return most;
  // What a second-level cache holds; and a few samples even so, as operators on small images take
  // longer to call than to compute, unless memory would be large.
  constexpr std::size_t cache_bytes = 1 << 20, much_bytes = 16 << 20, few = 4;
  const std::size_t one = std::max<std::size_t>(model.activation_bytes(), 1);
  const std::size_t fits = std::clamp<std::size_t>(
      std::max(cache_bytes / one, std::min(few, much_bytes / one)), 1, batch);
  // parts of one size where there are hardly more of them for it: plans are made per size
  const std::size_t parts = (batch + fits - 1) / fits;
  for (std::size_t even = parts; even < 2 * parts; ++even) {
    if (batch % even == 0) return batch / even;
  }
  return (batch + parts - 1) / parts;
}

BatchStep::BatchStep(Model& model, Optimizer& optimizer, const Dataset& data,
                     const Options& options)
    : model_(model),
      optimizer_(optimizer),
      data_(data),
      loss_(options.loss),
      cross_entropy_{options.label_smoothing, options.class_weights, Reduction::sum},
      micro_(choose_micro_batch(model, options.batch, options.micro_batch)),
      // gradients that add up over micro-batches are in memory in any case
      fused_(options.fused && optimizer.can_fuse() && micro_ == options.batch),
      lanes_(options.lanes),
      parameters_(optimizer.parameters()),
      cut_(model, data, micro_, options.cache_bytes) {
  if (lanes_ != 1 && lanes_ != 2)
    fail(ErrorKind::argument, "fit", "expected 1 or 2 lanes, got ", lanes_);
  aside_.reserve(parameters_.size());
  if (lanes_ == 2 && threads() > 1 && micro_ < options.batch) open_lane();
  rehearse(options.batch);
}

/// The model once more, with the very weights of the first; none where these are not tensors of
/// their own.
void BatchStep::open_lane() {
  auto lane = std::make_unique<Lane>(
      Lane{model_.twin({.memory = model_.memory().kept(),
                        .keep_packed_weights = model_.keeps_packed_weights()}),
           {}});
  lane->leaves = lane->model.share(parameters_);
  if (lane->leaves.size() == parameters_.size()) lane_ = std::move(lane);
}

/// A dry micro-batch of each size that steps have, so that the memory of all is planned.
void BatchStep::rehearse(std::size_t batch) {
  const DryRun dry;
  const std::size_t last = data_.size() % std::min(batch, data_.size());
  std::vector<std::size_t> samples(std::min(micro_, data_.size()));
  for (const std::size_t n : {micro_, batch % micro_, last % micro_}) {
    if (n == 0 || n > samples.size()) continue;
    std::iota(samples.begin(), samples.end(), std::size_t{0});
    (*this)(std::span(samples).first(n));
    if (!lane_) continue;
    run(lane_->model, std::span(samples).first(n), 1);
    for (Variable& leaf : lane_->leaves) leaf.clear_grad();
  }
  model_.memory().reserve();
  if (lane_) lane_->model.memory().reserve();
}

/// What the sum of a batch's losses is divided by, in samples: the weights of their labels add up,
/// as in cross_entropy().
double BatchStep::terms(std::span<const std::size_t> samples) const {
  const std::vector<float>& weights = cross_entropy_.class_weights;
  if (weights.empty() || data_.target() != Target::classes)
    return static_cast<double>(samples.size());
  double sum = 0;
  const Tensor labels = data_.labels(samples);
  for (const std::int32_t label : labels.data<std::int32_t>()) {
    // one that is out of range is told by the loss
    const auto c = static_cast<std::size_t>(label);
    sum += c < weights.size() ? weights[c] : 0;
  }
  return sum * static_cast<double>(samples.size()) / static_cast<double>(labels.numel());
}

Variable BatchStep::sum_of_losses(const Variable& y, const Tensor& labels) const {
  if (loss_ == Loss::xent) return cross_entropy(y, labels, cross_entropy_);
  return loss_of(loss_, y, labels, Reduction::sum);
}

/// What tells micro-batches apart; other steps of a model are keyed by its executor.
std::uint64_t BatchStep::step_key(std::size_t samples) const noexcept {
  return std::uint64_t{samples} * 8 + 4 + (fused_ ? 2 : 0) + (cut_.empty() ? 0 : 1);
}

/// Forward, loss and backward of some samples on one of the lanes' models, in micro-batches; their
/// share of the loss.
double BatchStep::run(Model& model, std::span<const std::size_t> samples, double share) {
  double total = 0;
  for (std::size_t begin = 0; begin < samples.size(); begin += micro_) {
    const auto some = samples.subspan(begin, std::min(micro_, samples.size() - begin));
    const ModelMemory::Running running(model.memory(), step_key(some.size()));
    Tensor labels;
    const Variable y = predict(model, some, labels);
    const Variable sum = sum_of_losses(y, labels);
    // A cross-entropy is a mean over rows, the others over every element of every sample.
    const std::size_t columns = loss_ == Loss::xent && y.shape().rank() > 0
                                    ? static_cast<std::size_t>(y.shape().back())
                                    : 1;
    const auto each = static_cast<double>(y.data().numel() / columns);
    const auto scale = static_cast<float>(share * static_cast<double>(some.size()) / each);
    total += static_cast<double>(sum.item()) * static_cast<double>(scale);
    if (!std::isfinite(total) && !dry_running()) {
      fail(ErrorKind::data, "fit", "expected a finite loss, got ", total,
           "; a smaller lr may help");
    }
    const Tensor seed = Tensor::of<float>(sum.shape(), {scale});
    if (fused_)
      optimizer_.step(sum, seed);
    else
      sum.backward(seed);
  }
  return total;
}

/// What the model makes of some samples, and their labels.
Variable BatchStep::predict(Model& model, std::span<const std::size_t> samples, Tensor& labels) {
  const bool at_logits = loss_ == Loss::xent || loss_ == Loss::bce;
  std::pmr::memory_resource* const memory = model.memory().step();
  if (!cut_.empty()) {
    labels = data_.labels(samples, memory);
    std::vector<Variable> cut = cut_.gather(samples, memory);
    return model.run_live(cut, samples.size(), at_logits);
  }
  Batch batch = data_.gather(samples, memory);
  labels = std::move(batch.labels);
  // quantized now: the floats are not there any more when forward runs
  Variable x = model.fitted(Variable(std::move(batch.x)));
  return at_logits ? model.logits(std::move(x)) : model(std::move(x));
}

namespace {

/// Adds a gradient to that of a parameter.
void add_gradient(const Parameter& parameter, Tensor grad) {
  Tensor& sum = parameter.variable().node()->grad;
  if (!sum || !grad) {
    if (grad) sum = std::move(grad);
    return;
  }
  if (dry_running()) return;
  const std::span<float> to = sum.mutable_data<float>();
  kernels().axpy({.count = static_cast<std::ptrdiff_t>(to.size()),
                  .x = grad.data<float>().data(),
                  .y = to.data()});
}

}  // namespace

/// Both halves of the micro-batches on one model: the gradients of the first wait aside.
double BatchStep::run_in_turn(std::span<const std::size_t> first,
                              std::span<const std::size_t> second, double share) {
  double total = run(model_, first, share);
  std::vector<Tensor>& aside = aside_;
  for (const auto& parameter : parameters_)
    aside.push_back(std::exchange(parameter->variable().node()->grad, {}));
  total += run(model_, second, share);
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    add_gradient(parameters_[i], std::move(aside[i]));
  aside.clear();
  return total;
}

double BatchStep::run_at_once(std::span<const std::size_t> first,
                              std::span<const std::size_t> second, double share) {
  std::array<double, 2> totals{};
  std::array<std::exception_ptr, 2> errors;
  auto half = [&](std::size_t i) noexcept {
    try {
      totals[i] = i == 0 ? run(model_, first, share) : run(lane_->model, second, share);
    } catch (...) {
      errors[i] = std::current_exception();
    }
  };
  if (dry_running()) {
    half(0), half(1);
  } else {
    parallel_for(2, half);
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    add_gradient(parameters_[i], lane_->leaves[i].grad());
    lane_->leaves[i].clear_grad();
  }
  return totals[0] + totals[1];
}

double BatchStep::operator()(std::span<const std::size_t> samples) {
  // where no label of the batch has a weight, the batch has no loss and no gradient
  const double all = terms(samples);
  const double share = all > 0 ? 1 / all : 0;
  const std::size_t parts = (samples.size() + micro_ - 1) / micro_;
  try {
    if (fused_) return run(model_, samples, share);
    double total = 0;
    if (lanes_ == 2 && parts > 1) {
      const auto first = samples.first((parts + 1) / 2 * micro_);
      const auto second = samples.subspan(first.size());
      total = lane_ && (threads() > 1 || dry_running()) ? run_at_once(first, second, share)
                                                        : run_in_turn(first, second, share);
    } else {
      total = run(model_, samples, share);
    }
    optimizer_.step();
    return total;
  } catch (...) {
    aside_.clear();
    parameters_.clear_grads();
    for (Variable& leaf : lane_ ? lane_->leaves : std::vector<Variable>()) leaf.clear_grad();
    throw;
  }
}

}  // namespace hone
