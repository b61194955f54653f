#pragma once
/// Fine-tuning, evaluation and checkpoints.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <hone/data.h>
#include <hone/loss.h>
#include <hone/model.h>
#include <hone/optim.h>

namespace hone {

/// What fit minimises, always a mean over the batch.  xent and bce are taken at the input of a
/// final SOFTMAX or LOGISTIC, the others at output 0.
enum class Loss : std::uint8_t { xent, bce, mse, huber, mae };

/// The loss of one batch, in float32.
Variable loss_of(Loss loss, const Variable& prediction, const Tensor& target,
                 Reduction reduction = Reduction::mean);

/// What a model is worth on some data.
struct Metrics {
  double loss = 0;
  std::optional<double> accuracy;  ///< where labels are classes: output 0 has its largest value,
                                   ///< first of equals, there
  std::size_t n = 0;
  std::vector<std::vector<std::size_t>> confusion;  ///< [label][predicted]
};

/// Runs the model on every sample.  Throws Error: shapes, labels outside the model's classes.
Metrics evaluate(Model& model, const Dataset& data, Loss loss = Loss::xent);

struct Progress {
  std::size_t epoch, epochs;  ///< from 1
  std::size_t step, steps;    ///< from 1, over all epochs
  double loss;                ///< of this step's batch
  double step_ms;
};

struct FitOptions {
  std::size_t epochs = 20;
  std::size_t batch = 16;
  std::size_t micro_batch =
      0;  ///< samples that go through at once; 0: chosen from the activations' size and the cache
  Loss loss = Loss::xent;
  float label_smoothing = 0;  ///< of xent: see CrossEntropy
  std::vector<float> class_weights =
      {};                             ///< of xent: see CrossEntropy; held_out is measured without
  std::uint64_t seed = 0;             ///< of the order of samples
  const Dataset* held_out = nullptr;  ///< evaluated before and after
  std::size_t cache_bytes = std::size_t{64}
                            << 20;  ///< for values at the cut; more are computed again each epoch
  std::string checkpoint = {};      ///< written after every epoch, and when stopped
  /// Each gradient is consumed as soon as it is complete, where a step is one micro-batch and the
  /// optimizer does not need all of them: less memory, the same bits.  See Optimizer::step(loss).
  bool fused = false;
  /// 1 or 2: into how many sums the gradients of a step's micro-batches go, the second half of them
  /// on a second thread where there is one.  The same bits with any number of threads; 1 needs less
  /// memory.
  std::size_t lanes = 2;
  bool resume = false;  ///< go on from the checkpoint, to the bits of a run that was never stopped
  std::function<void(const Progress&)> on_step = {};
  const std::atomic<bool>* stop = nullptr;  ///< looked at before every step
};

struct Report {
  std::optional<Metrics> before, after;  ///< on held_out
  std::size_t steps = 0;                 ///< of this call
  std::size_t micro_batch = 0;
  bool cached_cut = false;  ///< frozen operators ran once a sample, not once a step
  bool stopped = false;
  double step_ms_median = 0, step_ms_min = 0;  ///< the median is of the last 1024 steps
  double last_loss = 0;                        ///< mean over the last epoch's steps
  std::size_t peak_bytes = 0;                  ///< of the model's memory, during the steps
};

/// Weights with which every class of `data` counts the same: samples / (classes that occur *
/// samples of the class), 0 for one that does not occur.  For `classes` outputs.  Throws Error
/// (data): labels that are no classes, or outside of them.
std::vector<float> balanced_weights(const Dataset& data, std::size_t classes);

/// Trains the parameters of `optimizer`, which model.trainable() gave.
/// Throws Error: data that does not fit the model, a loss that is not finite.  The weights then are
/// those of the last step that was whole.
Report fit(Model& model, Optimizer& optimizer, const Dataset& data, const FitOptions& options = {});

/// Bytes that one operator has in memory, by cause.
struct OperatorMemory {
  std::int32_t op = -1;     ///< -1: the model as a whole: its input, the loss
  std::size_t weights = 0;  ///< those that train: their copies and float32 masters
  std::size_t slots = 0;    ///< of the optimizer
  std::size_t packed = 0;   ///< tables, and weights in the order of the kernels
  std::size_t gradients = 0;
  std::size_t activations = 0;  ///< outputs; what backward needs of them stays
  std::size_t scratch = 0;
  std::size_t graph = 0;  ///< nodes and lists

  std::size_t total() const noexcept {
    return weights + slots + packed + gradients + activations + scratch + graph;
  }
};

struct PlanOptions {
  std::size_t batch = 1, micro_batch = 0;  ///< as in FitOptions
  Selector train = {"all"};
  TrainOptions weights = {};
  std::string optimizer = "adam";
  Loss loss = Loss::xent;
  bool fused = false;
  std::size_t lanes = 2;                    ///< as in FitOptions
  bool keep_packed_weights = true;          ///< as in ModelOptions
  std::vector<std::size_t> recompute = {};  ///< as for Model::recompute
};

/// What computing an operator again saves, after those before it in PlanOptions::recompute.
struct Recomputed {
  std::size_t op = 0;
  std::int64_t saved_bytes = 0;  ///< of the peak of training
};

/// What training and inference need, known before anything runs.
struct MemoryPlan {
  std::size_t peak_bytes = 0;            ///< of training: kept_bytes + step_bytes
  std::size_t inference_peak_bytes = 0;  ///< of running the same number of samples at once
  std::size_t kept_bytes = 0;        ///< weights, slots, tables, gradients that outlive a backward
  std::size_t step_bytes = 0;        ///< the block that holds what a step makes
  std::size_t least_step_bytes = 0;  ///< the most that a step has alive at once
  std::size_t arena_bytes = 0;       ///< an Arena for training: peak_bytes and its book-keeping
  std::size_t micro_batch = 0;
  std::size_t parameters = 0;             ///< values that train
  std::vector<Recomputed> recomputed;     ///< with those, the peak without them
  std::vector<OperatorMemory> operators;  ///< at the peak; they add up to peak_bytes - step_bytes +
                                          ///< least_step_bytes
};

/// Runs a step and an inference dry, on a copy of the model in no memory, with the weights of the
/// file.  The model is left as it is.  Throws Error: what trainable() and fit() would refuse.
MemoryPlan plan(const Model& model, const PlanOptions& options = {});

/// Operators to compute again, for PlanOptions::recompute: cheap ones that lower the peak of
/// training, those with the fewest multiply-adds a byte first, until it is `budget` bytes or less
/// or none lowers it further.  Found by dry runs, one or two an operator.  Throws Error: as plan().
std::vector<std::size_t> choose_recomputed(const Model& model, const PlanOptions& options,
                                           std::size_t budget = 0);

/// A way to train that fits.
struct Proposal {
  PlanOptions options;
  MemoryPlan plan;
  double score = 0;  ///< share of what all weights could learn, from 0 to 1
};

/// Ways to train within `budget` bytes, those that learn most first: selectors and micro-batches,
/// with packed weights or without, with operators computed again where nothing else fits; the rest
/// as in `options`.  What a weight could learn is its share of the trace of the Fisher information
/// on up to eight of `samples` (the squared norm of each sample's gradient; Amari 1998), or without
/// samples its share of the values.  Empty where nothing fits.
std::vector<Proposal> propose(const Model& model, const PlanOptions& options, std::size_t budget,
                              const Dataset* samples = nullptr);

/// Keeps the normalization of the data and the names of its classes in the model's metadata.
void remember(Model& model, const Dataset& data);
/// The names of the classes in the model's metadata, in the order of its outputs; empty where there
/// are none.
std::vector<std::string> known_classes(const Model& model);
/// `data` normalized with the constants in the model's metadata, where there are any, each sample
/// in the shape of the model's input.  Throws Error (data) where they are for another number of
/// channels, or where the sizes differ.
Dataset prepared(const Model& model, const Dataset& data);

}  // namespace hone
