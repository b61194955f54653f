#pragma once
/// One training step on some samples of a dataset, in micro-batches, from the cut on where that is
/// known.

#include <memory>

#include <hone/train.h>

namespace hone {

/// The values at the cut of every sample, computed once: one tensor (N, ...) for each value that
/// crosses.
class CutCache {
 public:
  /// Empty where nothing is frozen before the first live operator, or where it would not fit
  /// `limit_bytes`.
  CutCache(Model& model, const Dataset& data, std::size_t step, std::size_t limit_bytes);
  bool empty() const noexcept { return values_.empty(); }
  std::vector<Variable> gather(std::span<const std::size_t> samples,
                               std::pmr::memory_resource* memory) const;

 private:
  static void plan_memory(Model& model, const Dataset& data, std::size_t step);
  bool reserve(std::span<const Variable> cut, std::size_t some, std::size_t all,
               std::size_t limit_bytes);
  std::vector<Tensor> values_;
  std::size_t samples_ = 0;
};

/// Samples that go through at once: as many as keep the activations within half of a small
/// second-level cache, since more are slower, fewer waste products whose weights dominate.  1 where
/// the file's batch cannot be widened.
std::size_t choose_micro_batch(Model& model, std::size_t batch, std::size_t wanted);

class BatchStep {
 public:
  struct Options {
    Loss loss = Loss::xent;
    std::size_t batch = 16;
    std::size_t micro_batch = 0;
    std::size_t cache_bytes = 0;  ///< 0: frozen operators run in every step
    float label_smoothing = 0;
    std::vector<float> class_weights = {};
    bool fused = false;     ///< see FitOptions
    std::size_t lanes = 2;  ///< see FitOptions
  };
  BatchStep(Model& model, Optimizer& optimizer, const Dataset& data, const Options& options);

  /// Forward, loss, backward and update; the loss, a mean over the samples.  In memory that was
  /// planned by a dry step.
  /// Throws Error where it is not finite; the weights are then as they were.
  double operator()(std::span<const std::size_t> samples);

  std::size_t micro_batch() const noexcept { return micro_; }
  bool cached_cut() const noexcept { return !cut_.empty(); }
  bool fused() const noexcept { return fused_; }

 private:
  void rehearse(std::size_t batch);
  std::uint64_t step_key(std::size_t samples) const noexcept;
  double terms(std::span<const std::size_t> samples) const;
  Variable sum_of_losses(const Variable& y, const Tensor& labels) const;
  Variable predict(Model& model, std::span<const std::size_t> samples, Tensor& labels);
  double run(Model& model, std::span<const std::size_t> samples, double share);
  double run_in_turn(std::span<const std::size_t> first, std::span<const std::size_t> second,
                     double share);
  double run_at_once(std::span<const std::size_t> first, std::span<const std::size_t> second,
                     double share);
  void open_lane();

  /// What the second half of the micro-batches runs on while the first runs on the model.
  struct Lane {
    Model model;
    std::vector<Variable> leaves;  // one a parameter
  };

  Model& model_;
  Optimizer& optimizer_;
  const Dataset& data_;
  Loss loss_;
  CrossEntropy cross_entropy_;
  std::size_t micro_;
  bool fused_;
  std::size_t lanes_;
  Parameters parameters_;
  std::unique_ptr<Lane> lane_;  // null: both halves in turn
  std::vector<Tensor> aside_;   // gradients of the first half, in turn
  CutCache cut_;
};

}  // namespace hone
