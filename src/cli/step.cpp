#include "src/cli/step.h"

#include "src/cli/metrics.h"
#include "src/train/plan.h"

namespace hone::cli {
namespace {

void add_memory_options(CLI::App& sub, StepArgs& args) {
  sub.add_flag("--fused", args.fused,
               "consume each gradient as soon as it is complete, where a step is one micro-batch");
  sub.add_flag("--lean", args.lean,
               "keep no weights in the order of the kernels, and one sum of gradients");
  sub.add_option("--recompute", args.recompute,
                 "operators to compute again in backward, such as '#3,#5'; auto: cheap ones, as "
                 "long as the peak falls, or until it is within plan's budget");
}

}  // namespace

void add_options(CLI::App& sub, StepArgs& args) {
  const auto one_of = [](std::vector<std::string> names) {
    return CLI::IsMember(std::move(names));
  };
  std::vector<std::string> optimizers;
  for (const std::string_view name : optimizer_names()) optimizers.emplace_back(name);
  sub.add_option("--train", args.train,
                 "which weights: all, head, bias, last:N, bias:N, a name with *, #tensor; several "
                 "with commas, or as the lines of a file, @FILE")
      ->capture_default_str();
  sub.add_option("--loss", args.loss,
                 "what is minimised; taken at the input of a final SOFTMAX or LOGISTIC for xent "
                 "and bce")
      ->check(one_of({"xent", "bce", "mse", "huber", "mae"}))
      ->capture_default_str();
  sub.add_option("--optimizer", args.optimizer, "how weights move")
      ->check(one_of(optimizers))
      ->capture_default_str();
  sub.add_option("--batch", args.batch, "samples a step")
      ->check(whole(1, most_counted))
      ->capture_default_str();
  sub.add_option("--micro-batch", args.micro_batch, "samples that go through at once; 0: chosen")
      ->check(whole(0, most_counted))
      ->capture_default_str();
  sub.add_option("--update", args.update,
                 "of integer and float16 weights: shadow keeps a float32 master, in_place none")
      ->check(one_of({"shadow", "in_place"}))
      ->capture_default_str();
  sub.add_option("--scales", args.scales,
                 "of integer weights: keep them, or refresh them after every step")
      ->check(one_of({"keep", "refresh"}))
      ->capture_default_str();
  add_memory_options(sub, args);
}

TrainOptions weights_of(const StepArgs& args) {
  return {.update = args.update == "in_place" ? Update::in_place : Update::shadow,
          .scales = args.scales == "refresh" ? Scales::refresh : Scales::keep};
}

PlanOptions plan_options(const Model& model, const StepArgs& args, std::size_t budget) {
  PlanOptions options{.batch = args.batch,
                      .micro_batch = args.micro_batch,
                      .train = selector(args.train),
                      .weights = weights_of(args),
                      .optimizer = args.optimizer,
                      .loss = loss_named(args.loss),
                      .fused = args.fused,
                      .lanes = args.lean ? std::size_t{1} : std::size_t{2},
                      .keep_packed_weights = !args.lean};
  if (args.recompute == "auto")
    options.recompute = choose_recomputed(model, options, budget);
  else if (!args.recompute.empty())
    options.recompute = operators_in(args.recompute);
  return options;
}

}  // namespace hone::cli
