#include <cmath>
#include <cstdint>
#include <string>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/json.h"

namespace hone {
namespace {

constexpr std::int64_t sidecar_version = 1;

/// Mean and deviation out of JSON, checked.
Normalization constants(const Json& object, const std::string& in) {
  const auto floats = [&](const char* key) {
    const auto values = json_value<std::vector<double>>(object, key, in);
    std::vector<float> out;
    for (const double v : values) {
      out.push_back(static_cast<float>(v));
      if (!std::isfinite(out.back())) {
        fail(ErrorKind::data, in, "expected finite numbers in \"", key, "\", got ", v);
      }
    }
    return out;
  };
  Normalization n{floats("mean"), floats("std")};
  if (n.mean.empty() || n.mean.size() != n.deviation.size()) {
    fail(ErrorKind::data, in, "expected as many of \"std\" as of \"mean\", got ",
         n.deviation.size(), " and ", n.mean.size());
  }
  for (const float d : n.deviation) {
    if (!(d > 0)) fail(ErrorKind::data, in, "expected \"std\" above 0, got ", d);
  }
  return n;
}

std::int64_t positive(const Json& object, const char* key, const std::string& in) {
  if (!object.contains(key)) return 0;
  const auto value = json_value<std::int64_t>(object, key, in);
  if (value < 1 || !object.at(key).is_number_integer()) {
    fail(ErrorKind::data, in, "expected \"", key, "\" to be a whole number above 0, got ",
         object.at(key).dump());
  }
  return value;
}

}  // namespace

std::string Normalization::to_text() const {
  return Json{{"version", sidecar_version}, {"mean", mean}, {"std", deviation}}.dump();
}

Normalization Normalization::parse(std::string_view text) {
  const std::string in(metadata_name);
  const Json object = parse_json(text, in);
  const auto found = json_value<std::int64_t>(object, "version", in);
  if (found != sidecar_version) {
    fail(ErrorKind::unsupported, in, "expected version ", sidecar_version, ", got ", found);
  }
  return constants(object, in);
}

Sidecar read_sidecar(const std::filesystem::path& path) {
  const std::string in = escaped(path.string());
  const Json object = read_json(path);
  if (!object.is_object()) fail(ErrorKind::data, in, "expected a JSON object");
  Sidecar s;
  using Names = std::vector<std::string>;
  if (object.contains("labels")) s.labels = json_value<Names>(object, "labels", in);
  if (object.contains("columns")) s.columns = json_value<Names>(object, "columns", in);
  if (object.contains("rate_hz")) s.rate_hz = json_value<double>(object, "rate_hz", in);
  s.window = positive(object, "window", in);
  s.stride = positive(object, "stride", in);
  // a number alone under "std" is a scale of another kind
  if (object.contains("mean")) s.normalization = constants(object, in);
  if (s.normalization && !s.columns.empty()) {
    s.normalization->check_channels(static_cast<std::int64_t>(s.columns.size()), in);
  }
  return s;
}

}  // namespace hone
