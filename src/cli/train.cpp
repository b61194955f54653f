#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>

#include <hone/train.h>

#include "src/cli/dataset.h"
#include "src/cli/metrics.h"
#include "src/cli/step.h"
#include "src/data/text.h"
#include "src/tflite/atomic_file.h"

namespace hone::cli {
namespace {

struct TrainArgs {
  std::string model, out, held_out, log, checkpoint, class_weights;
  StepArgs step;
  DataArgs data;
  double split = 0;
  float lr = 0;
  std::size_t epochs = 20;
  float label_smoothing = 0;
  bool resume = false;
};

std::atomic<bool> interrupted{false};

/// The first Ctrl-C asks the run to stop at the next step; a second one ends the process.
class StopOnInterrupt {
 public:
  StopOnInterrupt() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~StopOnInterrupt() { sigaction(SIGINT, &before_, nullptr); }
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;

 private:
  struct sigaction before_ {};
};

/// Progress on standard error: a bar on a terminal, a line an epoch elsewhere.
void show(const Progress& p) {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  const bool epoch_ends = p.step * p.epochs % p.steps < p.epochs;
  if (!terminal) {
    if (epoch_ends)
      std::cerr << "epoch " << p.epoch << '/' << p.epochs << "  loss " << p.loss << '\n';
    return;
  }
  const std::size_t width = 30, done = width * p.step / p.steps;
  std::cerr << "\r[" << std::string(done, '=') << std::string(width - done, ' ') << "] epoch "
            << p.epoch << '/' << p.epochs << "  loss " << p.loss << "  " << p.step_ms
            << " ms a step   " << std::flush;
  if (p.step == p.steps) std::cerr << '\n';
}

/// `balanced`, or a number for each output.
std::vector<float> class_weights(const Model& model, const Dataset& data, const std::string& text) {
  if (text.empty()) return {};
  const Shape shape = model.outputs().at(0).type.shape;
  const std::size_t outputs = shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape.back());
  if (text == "balanced") return balanced_weights(data, outputs);
  std::vector<float> weights;
  for (const std::string& part : CLI::detail::split(text, ',')) {
    const std::optional<float> weight = parse_float(part);
    if (!weight || *weight < 0) {
      fail(ErrorKind::argument, "--class-weights",
           "expected balanced, or numbers of 0 or more, got ", excerpt(part));
    }
    weights.push_back(*weight);
  }
  if (weights.size() != outputs) {
    fail(ErrorKind::argument, "--class-weights", "expected ", outputs,
         " numbers, one for each output, got ", weights.size());
  }
  return weights;
}

/// A line of JSON for every step.
class Log {
 public:
  /// A resumed run adds to its log.
  Log(std::string path, bool resumed) : path_(std::move(path)) {
    if (path_.empty()) return;
    file_.open(path_, resumed ? std::ios::app : std::ios::trunc);
    if (!file_)
      fail(ErrorKind::file, escaped(path_), "expected to write the log, the file cannot be opened");
  }

  void add(const Progress& p) {
    if (path_.empty()) return;
    file_ << nlohmann::json{{"epoch", p.epoch},
                            {"step", p.step},
                            {"loss", p.loss},
                            {"step_ms", p.step_ms}}
          << std::endl;
  }

  /// Throws Error where not every line could be written; asked after the model is.
  void check() const {
    if (!path_.empty() && !file_)
      fail(ErrorKind::file, escaped(path_), "expected to write the log, the file refuses");
  }

 private:
  std::string path_;
  std::ofstream file_;
};

nlohmann::json described(const Report& report, const TrainArgs& args) {
  nlohmann::json j{{"out", args.out},
                   {"steps", report.steps},
                   {"step_ms", report.step_ms_median},
                   {"step_ms_min", report.step_ms_min},
                   {"peak_bytes", report.peak_bytes},
                   {"micro_batch", report.micro_batch},
                   {"cached_cut", report.cached_cut},
                   {"stopped", report.stopped},
                   {"train_loss", report.last_loss},
                   {"before", nullptr},
                   {"after", nullptr}};
  if (report.before) j["before"] = metrics_json(*report.before);
  if (report.after) j["after"] = metrics_json(*report.after);
  return j;
}

void print_text(const Report& report, const TrainArgs& args) {
  const auto row = [](const std::string& name, auto before, auto after) {
    std::cout << name << std::string(12 - name.size(), ' ') << before << " -> " << after << '\n';
  };
  if (report.before && report.after) {
    if (report.before->accuracy && report.after->accuracy) {
      row("accuracy", *report.before->accuracy, *report.after->accuracy);
    }
    row("loss", report.before->loss, report.after->loss);
  }
  std::cout << "steps       " << report.steps << " of " << report.step_ms_median
            << " ms, micro-batches of " << report.micro_batch
            << (report.cached_cut ? ", frozen part cached" : "") << '\n'
            << "peak        " << report.peak_bytes << " bytes\n"
            << "written     " << escaped(args.out) << '\n';
}

/// Data to train on and to measure on, as the options say.
std::pair<Dataset, std::optional<Dataset>> open_both(const Model& model, const TrainArgs& args,
                                                     std::uint64_t seed) {
  const Loss loss = loss_named(args.step.loss);
  Dataset data = open_data(model, args.data, args.data.path);
  check_targets(model, data, loss, 2, args.data.path);
  if (args.split != 0) {
    // 1 - 0.7 is above 0.3 in binary, and a window that begins there would change sides
    constexpr double steps = 1e9;
    return data.split(std::round((1 - args.split) * steps) / steps, seed);
  }
  if (args.held_out.empty()) return {std::move(data), std::nullopt};
  DataArgs same = args.data;
  same.classes = data.classes();  // the same numbers, also where some do not occur
  Dataset held_out = open_data(model, same, args.held_out);
  check_targets(model, held_out, loss, 1, args.held_out);
  return {std::move(data), std::move(held_out)};
}

FitOptions fit_options(const TrainArgs& args, const Common& common, const Model& model,
                       const Dataset& data) {
  FitOptions options{.epochs = args.epochs,
                     .batch = args.step.batch,
                     .micro_batch = args.step.micro_batch,
                     .loss = loss_named(args.step.loss),
                     .label_smoothing = args.label_smoothing,
                     .class_weights = class_weights(model, data, args.class_weights),
                     .seed = common.seed};
  options.checkpoint = args.checkpoint;
  options.resume = args.resume;
  options.fused = args.step.fused;
  if (args.step.lean) options.lanes = 1;
  options.stop = &interrupted;
  return options;
}

void train(const TrainArgs& args, const Common& common) {
  check_writable(args.out);
  if (!args.checkpoint.empty()) check_writable(args.checkpoint);
  Model model = Model::load(args.model, {.keep_packed_weights = !args.step.lean});
  model.recompute(plan_options(model, args.step).recompute);
  const auto [data, held_out] = open_both(model, args, common.seed);
  const Parameters parameters = model.trainable(selector(args.step.train), weights_of(args.step));
  const auto optimizer =
      make_optimizer(args.step.optimizer, parameters, args.lr, {.seed = common.seed});

  Log log(args.log, args.resume);
  FitOptions options = fit_options(args, common, model, data);
  options.held_out = held_out ? &*held_out : nullptr;
  options.on_step = [&](const Progress& p) {
    if (!common.json) show(p);
    log.add(p);
  };
  if (args.epochs != 0) remember(model, data);
  const StopOnInterrupt stop_on_interrupt;
  Report report = fit(model, *optimizer, data, options);
  if (report.stopped) {
    fail(ErrorKind::stopped, "train", "stopped after ", report.steps, " steps",
         args.checkpoint.empty()
             ? ", nothing was kept"
             : ", the checkpoint " + escaped(args.checkpoint) + " is kept; go on with --resume");
  }
  model.save(args.out);
  if (held_out) {
    Model written = Model::load(args.out);  // what was measured is what was written
    report.after = evaluate(written, *held_out, options.loss);
  }
  if (common.json)
    print(described(report, args));
  else
    print_text(report, args);
  log.check();
}

}  // namespace

void add_train(CLI::App& root, Common& common) {
  const auto args = std::make_shared<TrainArgs>();
  CLI::App* sub = add(root, common, "train", "fine-tunes a model and writes it",
                      [&common, args] { train(*args, common); });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  sub->add_option("-o,--output", args->out, "the file to write")->required();
  add_options(*sub, args->data);
  add_options(*sub, args->step);
  CLI::Option* held_out =
      sub->add_option("--held-out", args->held_out, "data to measure on, before and after");
  sub->add_option("--split", args->split, "or this share of the data")
      ->check(CLI::Range(0.0, 0.99))
      ->excludes(held_out);
  sub->add_option("--class-weights", args->class_weights,
                  "of xent: balanced, or a weight for each output, with commas");
  sub->add_option("--label-smoothing", args->label_smoothing, "of xent: this share goes to all")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  sub->add_option("--lr", args->lr,
                  "learning rate; the optimizer's and update kind's own unless given")
      ->check(above_zero());
  sub->add_option("--epochs", args->epochs, "passes over the data; 0 writes the file as it is")
      ->check(whole(0, most_counted))
      ->capture_default_str();
  sub->add_option("--log", args->log, "a line of JSON for every step");
  CLI::Option* checkpoint =
      sub->add_option("--checkpoint", args->checkpoint, "written after every epoch, and on Ctrl-C");
  sub->add_flag("--resume", args->resume, "go on from the checkpoint")->needs(checkpoint);
}

}  // namespace hone::cli
