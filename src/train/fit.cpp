#include <algorithm>
#include <chrono>
#include <vector>

#include <hone/train.h>

#include "src/tensor/model_memory.h"
#include "src/train/batch_step.h"
#include "src/train/checkpoint.h"
#include "src/train/plan.h"
#include "src/train/shaped.h"

namespace hone {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void check_fit(const Optimizer& optimizer, const Dataset& data, const FitOptions& options) {
  if (optimizer.parameters().size() == 0)
    fail(ErrorKind::argument, "fit", "expected parameters, the optimizer has none");
  if (options.loss == Loss::xent && data.target() == Target::classes)
    data.require_classes(2, "fit");
  if (options.loss != Loss::xent &&
      (!options.class_weights.empty() || options.label_smoothing != 0)) {
    fail(ErrorKind::argument, "fit",
         "expected loss xent with class weights or label smoothing, got another");
  }
}

/// What the report says of the times of a run: their least, and the median of the latest, so that a
/// long run keeps no more than a short one.
class StepTimes {
 public:
  StepTimes() { latest_.reserve(kept); }

  void add(double ms) {
    least_ = count_ == 0 ? ms : std::min(least_, ms);
    if (latest_.size() < kept)
      latest_.push_back(ms);
    else
      latest_[count_ % kept] = ms;
    ++count_;
  }

  std::size_t count() const noexcept { return count_; }
  double least() const noexcept { return least_; }
  double median() const {
    if (latest_.empty()) return 0;
    std::vector<double> sorted = latest_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }

 private:
  static constexpr std::size_t kept = 1024;
  std::vector<double> latest_;
  std::size_t count_ = 0;
  double least_ = 0;
};

class Fit {
 public:
  Fit(Model& model, Optimizer& optimizer, const Dataset& data, const FitOptions& options)
      : model_(model),
        optimizer_(optimizer),
        data_(data),
        options_(options),
        step_(model, optimizer, data,
              {options.loss, options.batch, options.micro_batch, options.cache_bytes,
               options.label_smoothing, options.class_weights, options.fused, options.lanes}) {}

  Report run() {
    report_.micro_batch = step_.micro_batch();
    report_.cached_cut = step_.cached_cut();
    const std::size_t per_epoch = (data_.size() + options_.batch - 1) / options_.batch;
    const std::size_t steps = per_epoch * options_.epochs;
    std::size_t step = 0;
    if (options_.resume) step = resume_from(options_.checkpoint, optimizer_, options_.seed);
    for (; step < steps && !report_.stopped; ++step) {
      const std::size_t epoch = step / per_epoch;
      if (order_.empty() || step % per_epoch == 0) order_ = data_.order(options_.seed, epoch);
      if (options_.stop != nullptr && options_.stop->load()) {
        report_.stopped = true;
        break;
      }
      const std::size_t begin = step % per_epoch * options_.batch;
      const std::size_t n = std::min(options_.batch, data_.size() - begin);
      const auto start = Clock::now();
      const double loss = step_(std::span(order_).subspan(begin, n));
      const double ms = ms_since(start);
      times_.add(ms);
      if (step % per_epoch == 0) {
        epoch_loss_ = 0;
        epoch_steps_ = 0;
      }
      epoch_loss_ += loss;
      ++epoch_steps_;
      if (options_.on_step)
        options_.on_step({epoch + 1, options_.epochs, step + 1, steps, loss, ms});
      if ((step + 1) % per_epoch == 0) save(step + 1);
    }
    if (report_.stopped) save(step);
    return finish();
  }

 private:
  void save(std::size_t step) {
    if (!options_.checkpoint.empty())
      write_checkpoint(options_.checkpoint, optimizer_, options_.seed, step);
  }

  Report finish() {
    report_.steps = times_.count();
    report_.peak_bytes = model_.memory().use().peak_bytes;
    if (epoch_steps_ > 0) report_.last_loss = epoch_loss_ / static_cast<double>(epoch_steps_);
    report_.step_ms_min = times_.least();
    report_.step_ms_median = times_.median();
    return report_;
  }

  Model& model_;
  Optimizer& optimizer_;
  const Dataset& data_;
  const FitOptions& options_;
  BatchStep step_;
  std::vector<std::size_t> order_;
  StepTimes times_;
  double epoch_loss_ = 0;
  std::size_t epoch_steps_ = 0;
  Report report_;
};

}  // namespace

namespace {

/// The training that was asked of fit, as plan() wants it.
PlanOptions asked(const Model& model, const Optimizer& optimizer, const FitOptions& options) {
  PlanOptions o{.batch = options.batch,
                .micro_batch = options.micro_batch,
                .optimizer = std::string(optimizer.name()),
                .loss = options.loss,
                .fused = options.fused,
                .lanes = options.lanes,
                .keep_packed_weights = model.keeps_packed_weights(),
                .recompute = model.recomputed()};
  o.train.text.clear();
  for (const auto& parameter : optimizer.parameters()) {
    o.train.text += (o.train.text.empty() ? "#" : ",#") + std::to_string(parameter->place().tensor);
    o.weights.update = parameter->update();
  }
  return o;
}

/// What an arena of that size is too small for, and what would fit.
[[noreturn]] void explain(const Model& model, const Arena& arena, const PlanOptions& options) {
  // with a margin for the book-keeping of the arena
  const std::vector<Proposal> fits = propose(model, options, arena.bytes() / 20 * 19);
  const std::size_t need = plan(model, options).arena_bytes;
  if (fits.empty()) {
    fail(ErrorKind::memory, "fit", "expected an arena of ", need, " bytes, got ", arena.bytes(),
         ", in which nothing of this model trains");
  }
  const Proposal& best = fits.front();
  const std::vector<std::size_t>& again = best.options.recompute;
  fail(ErrorKind::memory, "fit", "expected an arena of ", need, " bytes, got ", arena.bytes(),
       "; what fits: \"", escaped(best.options.train.text), "\" in micro-batches of ",
       best.plan.micro_batch, best.options.keep_packed_weights ? "" : " without packed weights",
       again.empty() ? "" : ", computing again " + text_of(again), ", in ", best.plan.arena_bytes,
       " bytes");
}

}  // namespace

Report fit(Model& model, Optimizer& optimizer, const Dataset& given, const FitOptions& options) {
  check_fit(optimizer, given, options);
  const Dataset data = shaped(model, given, "fit");
  std::optional<Metrics> before;
  if (options.held_out != nullptr) before = evaluate(model, *options.held_out, options.loss);
  model.memory().reset_peak();
  Report report;
  try {
    report = Fit(model, optimizer, data, options).run();
  } catch (const Error& error) {
    const auto* arena = dynamic_cast<const Arena*>(model.memory().upstream());
    if (error.kind() != ErrorKind::memory || arena == nullptr) throw;
    explain(model, *arena, asked(model, optimizer, options));
  }
  report.before = std::move(before);
  if (options.held_out != nullptr) report.after = evaluate(model, *options.held_out, options.loss);
  return report;
}

}  // namespace hone
