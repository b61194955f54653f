#include <cstddef>
#include <cstdint>
#include <vector>

#include <hone/train.h>

#include "src/train/shaped.h"

namespace hone {

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

}  // namespace hone
