#include "src/train/batch_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <hone/loss.h>

namespace hone {

CutCache::CutCache(Model& model, const Dataset& data, std::size_t step, std::size_t limit_bytes) {
  if (limit_bytes == 0 || !model.has_frozen_part()) return;
  for (std::size_t begin = 0; begin < data.size(); begin += step) {
    std::vector<std::size_t> some(std::min(step, data.size() - begin));
    std::iota(some.begin(), some.end(), begin);
    const std::vector<Variable> cut = model.run_frozen(Variable(data.gather(some).x));
    if (begin == 0 && !reserve(cut, some.size(), data.size(), limit_bytes)) return;
    for (std::size_t k = 0; k < cut.size(); ++k) {
      const std::size_t row = cut[k].data().bytes() / some.size();
      std::copy_n(cut[k].data().raw(), cut[k].data().bytes(),
                  values_[k].mutable_raw() + begin * row);
    }
  }
}

bool CutCache::reserve(const std::vector<Variable>& cut, std::size_t some, std::size_t all,
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

std::vector<Variable> CutCache::gather(std::span<const std::size_t> samples) const {
  std::vector<Variable> rows;
  for (const Tensor& all : values_) {
    TensorType type = all.type();
    const std::size_t row = all.bytes() / samples_;
    type.shape[0] = type.shape[0] / static_cast<std::int64_t>(samples_) *
                    static_cast<std::int64_t>(samples.size());
    Tensor some(std::move(type));
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
  constexpr std::size_t cache_bytes = 512 * 1024;
  const std::size_t fits = std::clamp<std::size_t>(
      cache_bytes / std::max<std::size_t>(model.activation_bytes(), 1), 1, batch);
  const std::size_t parts = (batch + fits - 1) / fits;
  return (batch + parts - 1) / parts;  // parts of one size: plans are made per size
}

BatchStep::BatchStep(Model& model, Optimizer& optimizer, const Dataset& data,
                     const Options& options)
    : model_(model),
      optimizer_(optimizer),
      data_(data),
      loss_(options.loss),
      micro_(choose_micro_batch(model, options.batch, options.micro_batch)),
      cut_(model, data, micro_, options.cache_bytes) {}

double BatchStep::operator()(std::span<const std::size_t> samples) {
  const float share = 1.0f / static_cast<float>(samples.size());
  double total = 0;
  for (std::size_t begin = 0; begin < samples.size(); begin += micro_) {
    const auto some = samples.subspan(begin, std::min(micro_, samples.size() - begin));
    const Batch batch = data_.gather(some);
    const Variable y = predict(batch, some);
    const Variable sum = loss_of(loss_, y, batch.labels, Reduction::sum);
    // A cross-entropy is a mean over rows, the others over every element of every sample.
    const auto terms = static_cast<float>(loss_ == Loss::xent ? rows(y) : y.data().numel());
    const float scale = share * static_cast<float>(some.size()) / terms;
    total += static_cast<double>(sum.item()) * static_cast<double>(scale);
    if (!std::isfinite(total)) {
      optimizer_.parameters().clear_grads();
      fail(ErrorKind::data, "fit", "expected a finite loss, got ", total,
           "; a smaller lr may help");
    }
    sum.backward(Tensor::of<float>(sum.shape(), {scale}));
  }
  optimizer_.step();
  return total;
}

std::size_t BatchStep::rows(const Variable& y) {
  return y.data().numel() / static_cast<std::size_t>(y.shape().rank() == 0 ? 1 : y.shape().back());
}

Variable BatchStep::predict(const Batch& batch, std::span<const std::size_t> samples) {
  const bool at_logits = loss_ == Loss::xent || loss_ == Loss::bce;
  if (!cut_.empty()) return model_.run_live(cut_.gather(samples), samples.size(), at_logits);
  return at_logits ? model_.logits(Variable(batch.x)) : model_(Variable(batch.x));
}

}  // namespace hone
