#include <cstdint>
#include <optional>
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

Dataset prepared(const Model& model, const Dataset& data) {
  return shaped(model, normalized(model, data), "data");
}

}  // namespace hone
