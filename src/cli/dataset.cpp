#include "src/cli/dataset.h"

#include <filesystem>

#include <hone/train.h>

namespace hone::cli {
namespace {

namespace fs = std::filesystem;

bool has_csv(const fs::path& path) {
  if (path.extension() == ".csv") return true;
  if (!fs::is_directory(path)) return false;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.path().extension() == ".csv") return true;
  }
  return false;
}

}  // namespace

void add_options(CLI::App& sub, DataArgs& args) {
  sub.add_option("--data", args.path, "NPZ with x and y, a CSV file or a folder of them")
      ->required();
  sub.add_option("--length", args.length,
                 "rows of a window (CSV); as the model's input unless given");
  sub.add_option("--stride", args.stride,
                 "rows from one window to the next (CSV); half a window unless given");
  sub.add_option("--sidecar", args.sidecar,
                 "JSON with labels, columns, window, stride, mean and std");
}

Dataset open_data(const Model& model, const DataArgs& args, const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    fail(ErrorKind::file, path, "expected a file or a folder, there is none");
  Sidecar sidecar;
  if (!args.sidecar.empty()) sidecar = read_sidecar(args.sidecar);
  if (!has_csv(path))
    return prepared(model, npz(path, {.min_classes = 1, .classes = sidecar.labels}));
  const std::vector<ModelTensor> inputs = model.inputs();
  if (inputs.empty())
    fail(ErrorKind::unsupported, "data", "expected a model with an input, it has none");
  const Shape& shape = inputs[0].type.shape;
  CsvOptions options{.classes = sidecar.labels, .min_classes = 1, .columns = sidecar.columns};
  options.length = args.length != 0      ? args.length
                   : sidecar.window != 0 ? sidecar.window
                   : shape.rank() > 2    ? shape[1]
                                         : 0;
  options.stride = args.stride != 0      ? args.stride
                   : sidecar.stride != 0 ? sidecar.stride
                                         : options.length / 2;
  Dataset data = csv(path, options);
  if (sidecar.normalization) return data.normalized(*sidecar.normalization);
  return prepared(model, data);
}

}  // namespace hone::cli
