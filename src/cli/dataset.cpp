#include "src/cli/dataset.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>

#include "src/data/text.h"
#include "src/train/shaped.h"

namespace hone::cli {
namespace {

const std::map<std::string, LabelFrom> label_sources{{"auto", LabelFrom::automatic},
                                                     {"column", LabelFrom::column},
                                                     {"file", LabelFrom::file_name},
                                                     {"folder", LabelFrom::folder},
                                                     {"none", LabelFrom::none}};

std::int64_t first_set(std::initializer_list<std::int64_t> values) {
  for (const std::int64_t v : values) {
    if (v != 0) return v;
  }
  return 0;
}

CsvOptions csv_options(const DataArgs& args, const Sidecar& sidecar, const Shape& input) {
  CsvOptions o{.min_classes = 1};
  o.length = first_set({args.length, sidecar.window, input.rank() > 2 ? input[1] : 0});
  o.stride = first_set({args.stride, sidecar.stride, o.length / 2});
  o.label = label_sources.at(args.label);
  o.label_column = args.label_column;
  o.group_column = args.group_column;
  o.has_time = !args.no_time;
  o.columns = args.columns.empty() ? sidecar.columns : args.columns;
  return o;
}

ImageOptions image_options(const DataArgs& args, bool normalizes, const TensorType& input) {
  ImageOptions o{.offset = args.offset, .min_classes = 1};
  const std::int64_t channels = input.shape.rank() == 4 ? input.shape[3] : 0;
  if (channels == 1 || channels == 3) o.channels = static_cast<std::size_t>(channels);
  if (args.scale) o.scale = *args.scale;
  // what takes bytes is meant to be fed with the camera's
  o.raw = input.dtype == DType::uint8 && !args.scale && args.offset == 0 && !normalizes;
  return o;
}

WavOptions wav_options(const DataArgs& args, const Sidecar& sidecar, const Shape& input) {
  WavOptions o{.min_classes = 1};
  const auto own = static_cast<std::int64_t>(input.numel());
  o.length = first_set({args.length, sidecar.window, own});
  o.stride = first_set({args.stride, sidecar.stride, o.length});
  o.rate_hz = static_cast<std::uint32_t>(sidecar.rate_hz);
  return o;
}

/// What the samples of each class are called, in the order of the model's outputs.
std::vector<std::string> classes_for(const Model& model, const DataArgs& args,
                                     const Sidecar& sidecar) {
  if (!args.classes.empty()) return args.classes;
  if (!sidecar.labels.empty()) return sidecar.labels;
  return known_classes(model);
}

void say_classes(const Dataset& data) {
  std::cerr << "classes, in the order of their names:";
  for (std::size_t i = 0; i < data.classes().size(); ++i)
    std::cerr << (i == 0 ? " " : ", ") << i << ' ' << escaped(data.classes()[i]);
  std::cerr << " (--classes or --sidecar tell another order)\n";
}

}  // namespace

CLI::Option* add_options(CLI::App& sub, DataArgs& args, bool required) {
  CLI::Option* data = sub.add_option("--data", args.path,
                                     "NPZ with x and y; a CSV file or a folder of them; a folder "
                                     "of WAV files, or of PNG, PGM or PPM pictures, a folder a "
                                     "class");
  data->required(required);
  const auto group = [&](CLI::Option* option) { option->group("Data"); };
  group(sub.add_option("--sidecar", args.sidecar,
                       "JSON with any of labels, columns, window, stride, rate_hz, mean, std"));
  group(sub.add_option("--classes", args.classes,
                       "names of the classes in the order of the model's outputs; the sidecar's, "
                       "or those the model remembers, unless given; else those that occur, sorted")
            ->delimiter(','));
  group(sub.add_option("--length", args.length,
                       "rows of a window (CSV, WAV); as the model's input unless given")
            ->check(whole(1, most_counted)));
  group(sub.add_option("--stride", args.stride,
                       "rows from one window to the next; half a window (CSV) or a whole one "
                       "(WAV) unless given")
            ->check(whole(1, most_counted)));
  std::vector<std::string> names;
  for (const auto& [name, from] : label_sources) names.push_back(name);
  group(sub.add_option("--label", args.label,
                       "where the label of a CSV stands; none: each sample is its own target")
            ->check(CLI::IsMember(names))
            ->capture_default_str());
  group(
      sub.add_option("--label-column", args.label_column, "its name (CSV)")->capture_default_str());
  group(sub.add_option("--group-column", args.group_column,
                       "a column that changes where a recording breaks off (CSV)"));
  group(sub.add_option("--columns", args.columns,
                       "the features, in this order (CSV); all others unless given")
            ->delimiter(','));
  group(sub.add_flag("--no-time", args.no_time, "the first column is no time but a feature (CSV)"));
  group(sub.add_option("--scale", args.scale,
                       "x = pixel * scale + offset; 1/255 unless given, and the bytes themselves "
                       "for a uint8 input"));
  group(sub.add_option("--offset", args.offset, "of pixels")->capture_default_str());
  return data;
}

Dataset open_data(const Model& model, const DataArgs& args, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    fail(ErrorKind::file, escaped(path), "expected a file or a folder, there is none");
  const std::vector<ModelTensor> inputs = model.inputs();
  if (inputs.size() != 1) {
    fail(ErrorKind::unsupported, "--data", "expected a model with one input, got ", inputs.size());
  }
  const TensorType& input = inputs[0].type;
  const Sidecar sidecar = args.sidecar.empty() ? Sidecar() : read_sidecar(args.sidecar);
  const bool normalizes = sidecar.normalization || model.metadata(Normalization::metadata_name);
  DataOptions options{.csv = csv_options(args, sidecar, input.shape),
                      .npz = {.min_classes = 1},
                      .images = image_options(args, normalizes, input),
                      .wav = wav_options(args, sidecar, input.shape)};
  const std::vector<std::string> classes = classes_for(model, args, sidecar);
  options.npz.classes = options.images.classes = options.wav.classes = classes;
  if (options.csv.label != LabelFrom::none) options.csv.classes = classes;
  Dataset data = load_data(path, options);
  if (classes.empty() && !data.classes().empty()) say_classes(data);
  // an NPZ holds what goes into the model; recordings, sounds and pictures become that
  if (data.dtype() == DType::float32 && extension(path) != ".npz") {
    data =
        sidecar.normalization ? data.normalized(*sidecar.normalization) : normalized(model, data);
  }
  return shaped(model, data, escaped(path));
}

void check_targets(const Model& model, const Dataset& data, Loss loss, std::size_t least_classes,
                   const std::string& path) {
  const std::vector<ModelTensor> outputs = model.outputs();
  if (outputs.empty())
    fail(ErrorKind::unsupported, "--data", "expected a model with an output, it has none");
  const Shape& shape = outputs[0].type.shape;
  const std::vector<std::int64_t>& varies = outputs[0].shape_signature;
  if (std::count(varies.begin(), varies.end(), -1) > (varies.empty() || varies[0] != -1 ? 0 : 1))
    return;  // only a run can tell
  std::size_t each = 1;
  for (std::size_t i = 1; i < shape.rank(); ++i) each *= static_cast<std::size_t>(shape[i]);
  const std::size_t classes = shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape.back());
  const bool indices = loss == Loss::xent && data.target() == Target::classes;
  if (indices && classes != 0) each /= classes;
  const std::string where = escaped(path);
  const std::size_t got = data.batches(1)[0].labels.numel();
  if (got != each) {
    fail(ErrorKind::data, where, "expected ", each, indices ? " labels" : " numbers",
         " a sample to compare output ", shape, " with, got ", got,
         data.target() == Target::input ? " (without y a sample is its own target)"
         : data.target() == Target::classes && !indices
             ? "; these are classes, for the loss xent (--label none makes a sample of a CSV "
               "its own target)"
             : "");
  }
  if (!indices) return;
  for (const auto& [x, labels] : data.batches(64)) {
    for (const std::int32_t label : labels.data<std::int32_t>()) {
      if (static_cast<std::size_t>(label) < classes) continue;
      fail(ErrorKind::data, where, "expected labels below ", classes,
           ", the number of outputs of the model, got ", label);
    }
  }
  data.require_classes(least_classes, where);
}

}  // namespace hone::cli
