#include "src/tflite/sparse.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "src/schema/tflite_generated.h"
#include "src/tflite/packed.h"
#include "src/tflite/verifier.h"

namespace hone::file {
namespace {

template <class T>
std::vector<std::int64_t> widen(const flatbuffers::Vector<T>* vector) {
  const auto span = items(vector);
  return {span.begin(), span.end()};
}

std::vector<std::int64_t> values(const void* table, tflite::SparseIndexVector tag) {
  if (!table) return {};
  switch (tag) {
    case tflite::SparseIndexVector_Int32Vector:
      return widen(static_cast<const tflite::Int32Vector*>(table)->values());
    case tflite::SparseIndexVector_Uint16Vector:
      return widen(static_cast<const tflite::Uint16Vector*>(table)->values());
    case tflite::SparseIndexVector_Uint8Vector:
      return widen(static_cast<const tflite::Uint8Vector*>(table)->values());
    default:
      return {};
  }
}

// Stored values below `parents` nodes of the level above.
std::uint64_t verify_level(const SparseLevel& level, std::uint64_t parents, const Limits& limits,
                           const std::string& where) {
  if (level.dense) {
    const std::uint64_t count = parents * static_cast<std::uint64_t>(level.extent);
    if (count > limits.tensor_bytes) {
      fail(ErrorKind::file, where, "expected at most ", limits.tensor_bytes, " sparse values");
    }
    return count;
  }
  const auto& s = level.segments;
  if (s.size() != parents + 1 || s.front() != 0 || !std::is_sorted(s.begin(), s.end()) ||
      s.back() != static_cast<std::int64_t>(level.indices.size())) {
    fail(ErrorKind::file, where, "expected ", parents + 1, " ascending segments from 0 to ",
         level.indices.size(), ", got ", s.size(), s.empty() ? "" : " that end with ",
         s.empty() ? std::int64_t{0} : s.back());
  }
  for (const std::int64_t index : level.indices) {
    if (index < 0 || index >= level.extent) {
      fail(ErrorKind::file, where, "expected sparse indices below ", level.extent, ", got ", index);
    }
  }
  return level.indices.size();
}

// The orders and the block map before anything is looked up through them.
void verify_maps(const tflite::Tensor& tensor, const std::string& where) {
  const auto& sparsity = *tensor.sparsity();
  const auto order = items(sparsity.traversal_order()), blocks = items(sparsity.block_map()),
             shape = items(tensor.shape());
  const std::size_t rank = shape.size(), levels = rank + blocks.size();
  if (order.size() != levels || size_of(sparsity.dim_metadata()) != levels) {
    fail(ErrorKind::file, where, "expected ", levels, " sparse dimensions, got an order of ",
         order.size(), " and ", size_of(sparsity.dim_metadata()), " descriptions");
  }
  std::vector<std::int32_t> sorted(order.begin(), order.end()), identity(levels);
  std::iota(identity.begin(), identity.end(), 0);
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank));
  std::sort(sorted.begin() + static_cast<std::ptrdiff_t>(rank), sorted.end());
  if (sorted != identity) {
    fail(ErrorKind::file, where, "expected the traversal order to be a permutation of ", rank,
         " dimensions, then of ", blocks.size(), " block dimensions");
  }
  std::vector<bool> seen(rank);
  for (const std::int32_t dim : blocks) {
    if (dim < 0 || static_cast<std::size_t>(dim) >= rank || seen[static_cast<std::size_t>(dim)]) {
      fail(ErrorKind::file, where, "expected a block map to distinct dimensions below ", rank,
           ", got ", dim);
    }
    seen[static_cast<std::size_t>(dim)] = true;
  }
  for (std::size_t i = 0; i < levels; ++i) {
    const auto& level = *sparsity.dim_metadata()->Get(static_cast<unsigned>(i));
    const bool dense = level.format() == tflite::DimensionType_DENSE, block = i >= rank;
    if (!(dense || (level.format() == tflite::DimensionType_SPARSE_CSR && !block))) {
      fail(ErrorKind::file, where,
           "expected a dense or compressed dimension (blocks: dense), got format ",
           int{level.format()});
    }
    if (dense && level.dense_size() <= 0) {
      fail(ErrorKind::file, where, "expected a dense size above 0, got ", level.dense_size());
    }
    if (block) {
      const std::int32_t dim =
          shape[static_cast<std::size_t>(blocks[static_cast<std::size_t>(order[i]) - rank])];
      if (dim % level.dense_size() != 0) {
        fail(ErrorKind::file, where, "expected a block that divides ", dim, ", got ",
             level.dense_size());
      }
    }
  }
}

}  // namespace

std::vector<SparseLevel> sparse_levels(const tflite::Tensor& tensor) {
  const auto& sparsity = *tensor.sparsity();
  const auto order = items(sparsity.traversal_order()), blocks = items(sparsity.block_map()),
             shape = items(tensor.shape());
  const std::size_t rank = shape.size();
  std::vector<std::size_t> stride(rank, 1), block(rank, 1);
  for (std::size_t d = rank; d-- > 1;) {
    stride[d - 1] = stride[d] * static_cast<std::size_t>(shape[d]);
  }
  const auto dimension = [&](std::size_t level) {  // of the dense tensor
    const auto at = static_cast<std::size_t>(order[level]);
    return at < rank ? at : static_cast<std::size_t>(blocks[at - rank]);
  };
  const auto& metadata = *sparsity.dim_metadata();
  for (std::size_t i = rank; i < order.size(); ++i) {
    block[dimension(i)] =
        static_cast<std::size_t>(metadata.Get(static_cast<unsigned>(i))->dense_size());
  }
  std::vector<SparseLevel> levels(order.size());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto& m = *metadata.Get(static_cast<unsigned>(i));
    const std::size_t d = dimension(i);
    SparseLevel& level = levels[i];
    level.dense = m.format() == tflite::DimensionType_DENSE;
    level.extent = i < rank ? shape[d] / static_cast<std::int64_t>(block[d])
                            : static_cast<std::int64_t>(block[d]);
    level.weight = i < rank ? stride[d] * block[d] : stride[d];
    if (level.dense) continue;
    level.segments = values(m.array_segments(), m.array_segments_type());
    level.indices = values(m.array_indices(), m.array_indices_type());
  }
  return levels;
}

std::vector<std::size_t> sparse_positions(const std::vector<SparseLevel>& levels) {
  std::vector<std::size_t> nodes{0};
  for (const SparseLevel& level : levels) {
    std::vector<std::size_t> below;
    for (std::size_t p = 0; p < nodes.size(); ++p) {
      const auto first = level.dense ? 0 : static_cast<std::size_t>(level.segments[p]);
      const auto last =
          static_cast<std::size_t>(level.dense ? level.extent : level.segments[p + 1]);
      for (std::size_t k = first; k < last; ++k) {
        const auto index = level.dense ? k : static_cast<std::size_t>(level.indices[k]);
        below.push_back(nodes[p] + index * level.weight);
      }
    }
    nodes = std::move(below);
  }
  return nodes;
}

void verify_sparsity(const tflite::Tensor& tensor, std::span<const std::byte> data,
                     const Limits& limits, const std::string& where) {
  verify_maps(tensor, where);
  const auto levels = sparse_levels(tensor);
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto size =
        tensor.sparsity()->dim_metadata()->Get(static_cast<unsigned>(i))->dense_size();
    if (levels[i].dense && size != levels[i].extent) {
      fail(ErrorKind::file, where, "expected a dense size of ", levels[i].extent, ", got ", size);
    }
    count = verify_level(levels[i], count, limits, where);
  }
  const auto dtype = static_cast<DType>(tensor.type());
  const std::uint64_t needed = packed_bytes(dtype, count);
  if (packed_bits(dtype) == 0 || data.size() != needed) {
    fail(ErrorKind::file, where, "expected ", needed, " bytes for ", count, " sparse values of ",
         dtype, ", got ", data.size());
  }
}

}  // namespace hone::file
