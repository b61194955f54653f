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

/// Without a copy into the library: for files that it writes itself.
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

}  // namespace hone::testing_files
