#pragma once
/// What datasets share: the values that were loaded, and where each sample lies in them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <hone/data.h>
#include <hone/tensor.h>

#include "src/data/file_values.h"

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
  /// Of one recording whose rows are samples and which is too large to be in memory: instead of x.
  std::shared_ptr<const FileValues> file;
  std::vector<std::string> recordings;
  std::vector<Sample> samples;
  Target target = Target::input;
  Tensor targets;  ///< (samples, ...) unless the target is the input: int32 classes, float32 values
  std::vector<std::string> classes;

  std::size_t row_bytes() const noexcept {
    return shape.numel() * byte_size(dtype) / static_cast<std::size_t>(rows);
  }
  std::int64_t rows_of(std::uint32_t recording) const noexcept {
    return file ? static_cast<std::int64_t>(samples.size()) : x[recording].shape()[0];
  }
  /// Copies the values of sample i.  Throws Error (file): see FileValues.
  void read(std::size_t i, std::span<std::byte> to) const;
  std::size_t target_bytes() const noexcept { return targets.bytes() / samples.size(); }
};

/// Sources of samples (n, ...) with those targets and no values yet.  Throws Error (data): see
/// Dataset's constructor.
std::shared_ptr<Dataset::Sources> sources_of(const TensorType& x, const Tensor& y,
                                             std::vector<std::string> classes);

}  // namespace hone
