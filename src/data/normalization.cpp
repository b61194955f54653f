#include <cmath>
#include <cstdint>
#include <vector>

#include <hone/data.h>
#include <hone/error.h>

namespace hone {

void Normalization::check_channels(std::int64_t channels, std::string_view in) const {
  if (static_cast<std::int64_t>(mean.size()) != channels || deviation.size() != mean.size()) {
    fail(ErrorKind::data, in, "expected ", channels, " channels as the samples have, got ",
         mean.size(), " means and ", deviation.size(), " deviations");
  }
}

void Normalization::apply(std::span<float> values) const {
  const std::size_t channels = mean.size();
  if (channels == 0 || values.size() % channels != 0) {
    fail(ErrorKind::data, "normalization", "expected a multiple of ", channels, " values, got ",
         values.size());
  }
  for (std::size_t i = 0; i < values.size(); i += channels) {
    for (std::size_t c = 0; c < channels; ++c) {
      values[i + c] = (values[i + c] - mean[c]) / deviation[c];
    }
  }
}

Normalization Dataset::measure_normalization() const {
  if (dtype() != DType::float32 || size() == 0 || shape().numel() == 0) {
    fail(ErrorKind::data, "normalization", "expected float32 samples, got ", size(), " of ",
         dtype(), ' ', shape());
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

}  // namespace hone
