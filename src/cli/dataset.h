#pragma once
#include <optional>

#include <hone/train.h>

#include "src/cli/command.h"

namespace hone::cli {

/// How `--data D` is read; D's kind is told by its name and content.
struct DataArgs {
  std::string path;
  std::int64_t length = 0,
               stride = 0;  // 0: the model's own window; half of it, all of it for sounds
  std::string sidecar;  // labels, columns, normalization of a model that does not hold them itself
  std::vector<std::string> classes, columns;
  std::string label = "auto", label_column = "label", group_column;
  bool no_time = false;
  std::optional<float> scale;  // of pixels
  float offset = 0;
};

/// `--data` and what goes with it; `--data` is required unless told otherwise.
CLI::Option* add_options(CLI::App& sub, DataArgs& args, bool required = true);

/// The samples of `path`, as `model` wants them: windows of its input's length, classes in its
/// order, normalized with its constants.  Says on standard error which classes it found, where
/// nothing tells their order.
Dataset open_data(const Model& model, const DataArgs& args, const std::string& path);

/// Throws Error, in the name of `path`, where the labels or targets of `data` are not what `loss`
/// compares the model's first output with: classes outside of its outputs, fewer than
/// `least_classes` of them, targets of another size.
void check_targets(const Model& model, const Dataset& data, Loss loss, std::size_t least_classes,
                   const std::string& path);

}  // namespace hone::cli
