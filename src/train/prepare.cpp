#include <algorithm>
#include <string>
#include <vector>

#include <hone/train.h>

#include "src/data/json.h"
#include "src/train/shaped.h"

namespace hone {
namespace {

constexpr std::string_view classes_name = "hone.classes";
constexpr std::int64_t classes_version = 1;

void set_text(Model& model, std::string_view name, const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  model.set_metadata(name, {bytes.begin(), bytes.end()});
}

std::optional<std::string> text_of(const Model& model, std::string_view name) {
  const auto bytes = model.metadata(name);
  if (!bytes) return {};
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

}  // namespace

Dataset shaped(const Model& model, const Dataset& data, std::string_view where) {
  const std::vector<ModelTensor> inputs = model.inputs();
  if (inputs.size() != 1)
    fail(ErrorKind::unsupported, where, "expected a model with one input, got ", inputs.size());
  const Shape& declared = inputs[0].type.shape;
  Shape sample;
  for (std::size_t i = 1; i < declared.rank(); ++i) sample.append(declared[i]);
  if (data.shape() == sample) return data;
  if (data.shape().numel() == sample.numel()) return data.reshaped(sample);
  const std::vector<std::int64_t>& varies = inputs[0].shape_signature;
  bool fits = data.shape().rank() == sample.rank() && varies.size() == declared.rank();
  for (std::size_t i = 0; fits && i < sample.rank(); ++i)
    fits = data.shape()[i] == sample[i] || varies[i + 1] == -1;
  if (fits) return data;
  fail(ErrorKind::data, where, "expected samples of shape ", sample, " for an input of shape ",
       declared, ", got samples of shape ", data.shape());
}

void remember(Model& model, const Dataset& data) {
  if (data.normalization())
    set_text(model, Normalization::metadata_name, data.normalization()->to_text());
  if (data.classes().empty()) return;
  try {
    set_text(model, classes_name,
             Json{{"version", classes_version}, {"classes", data.classes()}}.dump());
  } catch (const Json::exception&) {
    fail(ErrorKind::data, "classes", "expected names in UTF-8, to keep them in the model");
  }
}

std::vector<std::string> known_classes(const Model& model) {
  const std::optional<std::string> text = text_of(model, classes_name);
  if (!text) return {};
  const std::string where(classes_name);
  const Json object = parse_json(*text, where);
  const auto version = json_value<std::int64_t>(object, "version", where);
  if (version != classes_version) {
    fail(ErrorKind::unsupported, where, "expected version ", classes_version, ", got ", version);
  }
  return json_value<std::vector<std::string>>(object, "classes", where);
}

Dataset normalized(const Model& model, const Dataset& data) {
  const std::optional<std::string> text = text_of(model, Normalization::metadata_name);
  if (!text || data.normalization()) return data;
  const Normalization n = Normalization::parse(*text);
  n.check_channels(data.shape().rank() == 0 ? 1 : data.shape().back(),
                   "normalization in the model's metadata");
  return data.normalized(n);
}

std::vector<float> balanced_weights(const Dataset& data, std::size_t classes) {
  std::vector<double> counts(classes);
  double occurring = 0, all = 0;
  for (const auto& [x, labels] : data.batches(256)) {
    if (data.target() != Target::classes)
      fail(ErrorKind::data, "balanced_weights", "expected labels that are classes, got values");
    for (const std::int32_t label : labels.data<std::int32_t>()) {
      const auto c = static_cast<std::size_t>(label);
      if (c >= classes) {
        fail(ErrorKind::data, "balanced_weights", "expected labels below ", classes, ", got ",
             label);
      }
      if (counts[c]++ == 0) ++occurring;
      ++all;
    }
  }
  std::vector<float> weights(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    if (counts[c] > 0) weights[c] = static_cast<float>(all / (occurring * counts[c]));
  }
  return weights;
}

Dataset prepared(const Model& model, const Dataset& data) {
  return shaped(model, normalized(model, data), "data");
}

}  // namespace hone
