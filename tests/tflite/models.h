#pragma once
/// Models for the tests of the file layer.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/schema/tflite_generated.h"
#include "src/tflite/reader.h"
#include "src/tflite/writer.h"
#include "tests/data/files.h"

namespace hone::testing_files {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(const std::filesystem::path& path) {
  const std::string text = testing_data::bytes_of(path);
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

inline std::filesystem::path model_path(std::string_view name) {
  return std::filesystem::path(HONE_SOURCE_ROOT) / "tests/models" / name;
}

inline file::ModelFile watch(std::string_view kind = "int8") {
  return file::load_file(model_path("har_watch_" + std::string(kind) + ".tflite").string());
}

/// Every .tflite file below a folder, in order.
inline std::vector<std::filesystem::path> models_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (!std::filesystem::exists(folder)) return paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".tflite") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// A file of native objects that nothing has verified.
inline Bytes packed(const tflite::ModelT& model) {
  flatbuffers::FlatBufferBuilder builder;
  tflite::FinishModelBuffer(builder, tflite::Model::Pack(builder, &model));
  const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {data, data + builder.GetSize()};
}

inline file::ModelFile load(const Bytes& bytes) { return file::load_bytes(bytes); }

/// The first constant of an element type, of at least so many elements.
inline std::int32_t constant_of(const file::ModelFile& file, DType dtype, std::size_t numel = 2) {
  const auto& tensors = file.subgraphs[0].tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& t = tensors[i];
    if (t.constant && t.type.dtype == dtype && t.type.numel() >= numel) {
      return static_cast<std::int32_t>(i);
    }
  }
  return -1;
}

/// Makes tensor `index` a sparse int32 matrix, {{0, 5, 0}, {6, 0, 7}}.
inline void make_sparse(tflite::ModelT& model, std::size_t index) {
  auto& tensor = *model.subgraphs[0]->tensors[index];
  tensor.type = tflite::TensorType_INT32;
  tensor.shape = {2, 3};
  tensor.shape_signature.clear();
  tensor.sparsity = std::make_unique<tflite::SparsityParametersT>();
  tensor.sparsity->traversal_order = {0, 1};
  auto& dimensions = tensor.sparsity->dim_metadata;
  for (int i = 0; i < 2; ++i) dimensions.push_back(std::make_unique<tflite::DimensionMetadataT>());
  dimensions[0]->dense_size = 2;
  dimensions[1]->format = tflite::DimensionType_SPARSE_CSR;
  tflite::Uint8VectorT segments, indices;
  segments.values = {0, 1, 3};
  indices.values = {1, 0, 2};
  dimensions[1]->array_segments.Set(std::move(segments));
  dimensions[1]->array_indices.Set(std::move(indices));
  const std::int32_t values[] = {5, 6, 7};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values);
  model.buffers[tensor.buffer]->data.assign(bytes, bytes + sizeof values);
}

/// Hardly a weight, so that a random byte hits a table: sparse, in blocks, with a loop, a custom
/// operator and names.
inline Bytes mostly_tables() {
  const auto model = file::unpack(watch());
  auto& graph = *model->subgraphs[0];
  for (std::size_t i = 4; i < 12; ++i) {
    auto& t = *graph.tensors[i];
    t.shape.assign(t.shape.size(), 1);
    t.quantization->scale.resize(1);
    t.quantization->zero_point.resize(1);
    model->buffers[t.buffer]->data.resize(t.type == tflite::TensorType_INT32 ? 4 : 1);
  }
  for (auto& t : graph.tensors) t->name.resize(3);
  make_sparse(*model, 3);
  tflite::BlockwiseQuantizationT blocks;
  blocks.scales = 4;
  blocks.zero_points = -1;
  blocks.block_size = 1;
  graph.tensors[5]->quantization->details.Set(blocks);
  model->operator_codes.push_back(std::make_unique<tflite::OperatorCodeT>());
  model->operator_codes.back()->builtin_code = tflite::BuiltinOperator_WHILE;
  tflite::WhileOptionsT loop;
  loop.cond_subgraph_index = loop.body_subgraph_index = 1;
  auto& op = *graph.operators[9];
  op.opcode_index = static_cast<std::uint32_t>(model->operator_codes.size() - 1);
  op.builtin_options.Set(loop);
  auto called = std::make_unique<tflite::SubGraphT>();
  called->tensors.push_back(std::make_unique<tflite::TensorT>(*graph.tensors[20]));
  called->inputs = called->outputs = {0};
  model->subgraphs.push_back(std::move(called));
  auto& custom = *model->operator_codes[graph.operators[8]->opcode_index];
  custom.builtin_code = tflite::BuiltinOperator_CUSTOM;
  custom.deprecated_builtin_code = 32;
  custom.custom_code = "c";
  return packed(*model);
}

}  // namespace hone::testing_files
