#pragma once
/// Writes a changed model as the original file with the changed bytes replaced.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <hone/tensor.h>

#include "src/tflite/reader.h"

namespace tflite {
struct ModelT;
}  // namespace tflite

namespace hone::file {

/// New values of a constant, of the element type and shape in the file, one byte an element for
/// int4 and the like.  The scales and zero points of `values` are written where they differ from
/// the file's.
struct Edit {
  std::size_t subgraph = 0;
  std::int32_t tensor = 0;
  Tensor values;
};

/// Gives one input of one operator a tensor of its own instead of the constant it shares with
/// others.
struct Untie {
  std::size_t subgraph = 0;
  std::size_t op = 0;
  std::size_t slot = 0;
  std::string name;  ///< of the new tensor
  Tensor values;     ///< as in Edit
};

/// Adds or replaces an entry of the metadata.
struct MetadataEdit {
  std::string name;
  std::vector<std::byte> bytes;
};

struct Changes {
  std::vector<Edit> edits;
  std::vector<Untie> unties;
  std::vector<MetadataEdit> metadata;
};

/// The new file, verified.  Without changes: the same bytes.  What was not changed keeps its bytes:
/// unknown fields, metadata, signatures, an appended archive.  A constant whose buffer is shared
/// with a tensor that does not get the same values gets a buffer of its own.  Throws Error
/// (argument) for values that do not fit the tensor and (unsupported) for sparse constants and
/// those in other files; the model file itself never changes.
std::vector<std::byte> apply(const ModelFile& file, const Changes& changes);

/// The file as native objects, for structural edits; constants outside of the tables are brought
/// inside.
std::unique_ptr<tflite::ModelT> unpack(const ModelFile& file);

/// A file of native objects, verified, with the archive that `original` carries behind it.
std::vector<std::byte> pack(const tflite::ModelT& model, const ModelFile& original);

/// `bytes` to `path`, whole or not at all.  Throws Error (file); an old file is then as it was.
void write_atomically(const std::string& path, std::span<const std::byte> bytes);

}  // namespace hone::file
