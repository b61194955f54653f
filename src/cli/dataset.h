#pragma once
#include <hone/data.h>

#include "src/cli/command.h"

namespace hone::cli {

/// How `--data D` is read; D's kind is told by its name and content.
struct DataArgs {
  std::string path;
  std::int64_t length = 0, stride = 0;  // 0: the model's own window, half of it
  std::string sidecar;  // labels, columns, normalization of a model that does not hold them itself
  std::string target = "classes";
};

void add_options(CLI::App& sub, DataArgs& args);

/// The samples of `path`, as `model` wants them: windows of its input's length, normalized with its constants.
Dataset open_data(const Model& model, const DataArgs& args, const std::string& path);

}  // namespace hone::cli
