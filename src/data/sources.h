#pragma once
/// What datasets share: the values that were loaded, and where each sample lies in them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <hone/data.h>
#include <hone/tensor.h>

namespace hone {

struct Dataset::Sources {
  struct Sample {
    std::uint32_t recording = 0;  ///< index into `x`
    std::int64_t begin = 0;       ///< first row
  };

  DType dtype = DType::float32;
  Shape shape;            ///< of a sample
  std::int64_t rows = 1;  ///< that a sample takes of its recording
  std::vector<Tensor> x;  ///< recordings (rows, ...); a sample is a contiguous piece
  std::vector<std::string> recordings;
  std::vector<Sample> samples;
  Target target = Target::input;
  Tensor targets;  ///< (samples, ...) unless the target is the input: int32 classes, float32 values
  std::vector<std::string> classes;

  std::size_t row_bytes() const noexcept {
    return shape.numel() * byte_size(dtype) / static_cast<std::size_t>(rows);
  }
  const std::byte* values(std::size_t i) const noexcept {
    const Sample& s = samples[i];
    return x[s.recording].raw() + static_cast<std::size_t>(s.begin) * row_bytes();
  }
  std::size_t target_bytes() const noexcept { return targets.bytes() / samples.size(); }
};

}  // namespace hone
