#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/json.h"

namespace hone {
namespace {

constexpr std::string_view where = "normalization";
constexpr std::int64_t version = 1;

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

void Normalization::check_channels(std::int64_t channels, std::string_view in) const {
  if (static_cast<std::int64_t>(mean.size()) != channels || deviation.size() != mean.size()) {
    fail(ErrorKind::data, in, "expected ", channels, " channels as the samples have, got ",
         mean.size(), " means and ", deviation.size(), " deviations");
  }
}

void Normalization::apply(std::span<float> values) const {
  const std::size_t channels = mean.size();
  if (channels == 0 || values.size() % channels != 0) {
    fail(ErrorKind::data, where, "expected a multiple of ", channels, " values, got ",
         values.size());
  }
  for (std::size_t i = 0; i < values.size(); i += channels) {
    for (std::size_t c = 0; c < channels; ++c) {
      values[i + c] = (values[i + c] - mean[c]) / deviation[c];
    }
  }
}

std::string Normalization::to_text() const {
  return Json{{"version", version}, {"mean", mean}, {"std", deviation}}.dump();
}

Normalization Normalization::parse(std::string_view text) {
  const std::string in(metadata_name);
  const Json object = parse_json(text, in);
  const auto found = json_value<std::int64_t>(object, "version", in);
  if (found != version) {
    fail(ErrorKind::unsupported, in, "expected version ", version, ", got ", found);
  }
  return constants(object, in);
}

Normalization Dataset::measure_normalization() const {
  if (dtype() != DType::float32 || size() == 0 || shape().numel() == 0) {
    fail(ErrorKind::data, where, "expected float32 samples, got ", size(), " of ", dtype(), ' ',
         shape());
  }
  const std::size_t channels = shape().rank() == 0 ? 1 : static_cast<std::size_t>(shape().back());
  const double n = static_cast<double>(size()) * static_cast<double>(shape().numel()) /
                   static_cast<double>(channels);
  // two passes: one sum of squares would cancel where the mean is large
  const auto average = [&](const auto& term) {
    std::vector<double> sum(channels);
    for (std::size_t i = 0; i < size(); ++i) {
      const Tensor sample = x(i);
      const std::span<const float> values = sample.data<float>();
      for (std::size_t k = 0; k < values.size(); ++k) {
        sum[k % channels] += term(double{values[k]}, k % channels);
      }
    }
    for (double& s : sum) s /= n;
    return sum;
  };
  const std::vector<double> mean = average([](double v, std::size_t) { return v; });
  const std::vector<double> variance =
      average([&](double v, std::size_t c) { return (v - mean[c]) * (v - mean[c]); });
  Normalization out;
  for (std::size_t c = 0; c < channels; ++c) {
    const auto deviation = static_cast<float>(std::sqrt(variance[c]));
    out.mean.push_back(static_cast<float>(mean[c]));
    out.deviation.push_back(deviation > 0 ? deviation : 1.0f);
  }
  return out;
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
