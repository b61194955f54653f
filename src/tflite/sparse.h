#pragma once
/// Sparse constants: levels of dense or compressed dimensions, the outermost first, blocks
/// innermost.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "src/schema/tflite_tables.h"

namespace hone::file {

/// One dimension in the order of storage.  Compressed: parent p owns indices[segments[p]] to
/// indices[segments[p + 1]].
struct SparseLevel {
  bool dense = true;
  std::int64_t extent = 0;  // indices lie below it
  std::size_t weight = 0;   // elements of the dense tensor between index i and i + 1
  std::vector<std::int64_t> segments, indices;
};

/// The levels of a verified tensor.
std::vector<SparseLevel> sparse_levels(const tflite::Tensor& tensor);

/// The position in the dense tensor of each stored value, in order of storage.
std::vector<std::size_t> sparse_positions(const std::vector<SparseLevel>& levels);

}  // namespace hone::file
