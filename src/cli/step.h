#pragma once
#include <string>

#include <hone/train.h>

#include "src/cli/command.h"

namespace hone::cli {

/// How weights are trained, step by step: what plan and train have in common.
struct StepArgs {
  std::string train = "all", loss = "xent", optimizer = "adam", update = "shadow", scales = "keep",
              recompute;
  std::size_t batch = 16, micro_batch = 0;
  bool fused = false, lean = false;
};

void add_options(CLI::App& sub, StepArgs& args);

TrainOptions weights_of(const StepArgs& args);

/// The same for plan().  `--recompute auto` is chosen here, as much as a peak of `budget` bytes
/// needs.
PlanOptions plan_options(const Model& model, const StepArgs& args, std::size_t budget = 0);

}  // namespace hone::cli
