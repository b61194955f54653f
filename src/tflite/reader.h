#pragma once
/// A .tflite file: its original bytes, and what they say in the engine's own types.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include <hone/tensor.h>

#include "src/schema/options_view.h"

namespace tflite {
struct Model;
struct Tensor;
}  // namespace tflite

namespace hone::file {

/// What a file may ask for before it is refused.
struct Limits {
  std::uint64_t file_bytes = std::uint64_t{4} << 30;
  std::size_t tensors = 1'000'000;  ///< of all subgraphs
  std::size_t operators = 1'000'000;
  std::size_t subgraphs = 10'000;
  std::size_t call_depth = 32;  ///< subgraphs called by subgraphs
  std::size_t name_bytes = 65'536;
  std::size_t strings = 1'000'000;  ///< in one constant
  std::uint64_t tensor_bytes = std::uint64_t{1} << 40;
  /// Sum of the activations of one subgraph at the shapes in the file, and of its sparse constants
  /// made dense: what a file can ask for without having its size.
  std::uint64_t activation_bytes = std::uint64_t{16} << 30;
};

enum class QuantDetails : std::uint8_t { affine, custom, blockwise, multi_axis };

struct TensorInfo {
  std::string name;  ///< may be empty, need not be unique
  TensorType type;   ///< scales only where details are affine and the element type is an integer
  std::vector<std::int32_t> shape_signature;  ///< -1: any size; empty: nothing said
  std::uint32_t buffer = 0;
  std::span<const std::byte> data;  ///< the bytes in the file: packed, perhaps unaligned
  bool constant = false;            ///< has values in the file, or has none to have
  bool is_variable = false;
  bool sparse = false;
  QuantDetails details = QuantDetails::affine;
  std::int32_t block_scales = -1;       ///< blockwise: the tensor that holds the scales
  std::int32_t block_zero_points = -1;  ///< blockwise: the tensor of zero points; -1: all zero
  std::int32_t block_size = 0;
  std::string unsupported;  ///< why no operator can use it; empty: any can
  const tflite::Tensor* table = nullptr;
};

struct OperatorInfo {
  int code = 0;             ///< tflite::BuiltinOperator
  std::string custom_code;  ///< of a custom operator
  std::string name;         ///< "CONV_2D", or the custom code
  int version = 1;
  std::vector<std::int32_t> inputs;  ///< -1: an optional input left out
  std::vector<std::int32_t> outputs;
  std::vector<std::int32_t> intermediates;
  Options options;  ///< a view into the file's bytes
};

struct Subgraph {
  std::string name;
  std::vector<TensorInfo> tensors;
  std::vector<OperatorInfo> operators;  ///< every operator stands after those it reads from
  std::vector<std::int32_t> inputs;
  std::vector<std::int32_t> outputs;
};

struct NamedTensor {
  std::string name;
  std::int32_t tensor = 0;
};

struct Signature {
  std::string key;
  std::int32_t subgraph = 0;
  std::vector<NamedTensor> inputs;
  std::vector<NamedTensor> outputs;
};

struct Metadata {
  std::string name;
  std::span<const std::byte> bytes;
};

/// Verified.  Copies share the bytes; the views in it live as long as any of them or any constant
/// taken from them.
struct ModelFile {
  std::string source;  ///< path, or "memory"; as errors name it
  std::string description;
  std::vector<Subgraph> subgraphs;
  std::vector<Signature> signatures;
  std::vector<Metadata> metadata;
  std::vector<std::string> warnings;  ///< what is odd but harmless
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  Limits limits;  ///< as loaded; what is written keeps to them
  const tflite::Model* model = nullptr;

  const TensorInfo& tensor(std::size_t subgraph, std::int32_t index) const {
    return subgraphs[subgraph].tensors[static_cast<std::size_t>(index)];
  }
  /// The values of a constant.  Borrows the file's bytes, which must not be written to, where they
  /// are aligned for the element type; else a copy from `memory`.  int4, uint4 and int2 are
  /// unpacked to a byte an element; what is sparse becomes dense.  Throws Error where the tensor is
  /// not a constant or `unsupported`.
  Tensor constant(std::size_t subgraph, std::int32_t index,
                  std::pmr::memory_resource* memory = default_memory()) const;
};

/// Maps the file.  Throws Error (file) where it cannot be read or does not pass the verifier.
ModelFile load_file(const std::string& path, const Limits& limits = {});

/// Copies the bytes.
ModelFile load_bytes(std::span<const std::byte> bytes, const Limits& limits = {},
                     const std::string& source = "memory");

/// "operator #3 CONV_2D", with the subgraph in front unless it is the first: where an error is.
std::string operator_place(const ModelFile& file, std::size_t subgraph, std::size_t index);
/// `tensor #12 "name"`
std::string tensor_place(const ModelFile& file, std::size_t subgraph, std::int32_t index);

}  // namespace hone::file
