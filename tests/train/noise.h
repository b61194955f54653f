#pragma once

#include <cstdint>

#include <hone/data.h>
#include <hone/model.h>
#include <hone/tensor.h>

namespace hone::tests {

/// Noise in the shape of the model's input, with labels that go round.
inline Dataset noise(const Model& model, std::int64_t samples, float scale = 1) {
  Shape shape = model.inputs()[0].type.shape;
  shape[0] = samples;
  Tensor x(TensorType{DType::float32, shape}), y(TensorType{DType::int32, {samples}});
  std::uint32_t state = 1;
  for (float& v : x.mutable_data<float>()) {
    state = state * 1664525u + 1013904223u;
    v = scale * (static_cast<float>(state >> 8) * 0x1p-23f - 1.0f);
  }
  std::int32_t next = 0;
  for (std::int32_t& label : y.mutable_data<std::int32_t>()) label = next++ % 7;
  return Dataset(x, y);
}

}  // namespace hone::tests
