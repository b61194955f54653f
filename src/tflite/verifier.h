#pragma once
/// Is this file safe to read?  Every index, offset, length and enumeration is looked at before
/// anything else is done.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <hone/error.h>

#include "src/schema/tflite_tables.h"
#include "src/tflite/reader.h"

namespace hone::file {

/// What the checks need; `warnings` collects what is odd but harmless.
struct Verification {
  const tflite::Model* model;
  std::span<const std::byte> bytes;  // the whole file
  const Limits& limits;
  std::vector<std::string>& warnings;
};

/// Throws Error (file) that names the place, what was expected and what came.  Refused is what
/// could lead a reader astray; what is merely impossible to run yet (custom operators, new
/// versions, strings) passes.
const tflite::Model* verify(std::span<const std::byte> bytes, const Limits& limits,
                            const std::string& source, std::vector<std::string>& warnings);

/// Shapes, sizes, quantization, sparsity and strings of the tensors of one subgraph.
void verify_tensors(const Verification& v, std::size_t subgraph);

/// The sparse encoding of a constant.  `where` names the tensor.
void verify_sparsity(const tflite::Tensor& tensor, std::span<const std::byte> data,
                     const Limits& limits, const std::string& where);

/// Calls between subgraphs: indices, depth, numbers and types of what is passed.
void verify_calls(const Verification& v);

/// The bytes of a buffer, in its table or elsewhere in the file; none where it has none, or they
/// are outside.
std::optional<std::span<const std::byte>> buffer_bytes(std::span<const std::byte> file,
                                                       const tflite::Buffer* buffer);

/// The builtin code, from the wider of the two fields that hold it.
int builtin_code(const tflite::OperatorCode& code);
std::string operator_name(const tflite::OperatorCode& code);
std::string tensor_place(const tflite::Model& model, std::size_t subgraph, std::size_t index);
std::string operator_place(const tflite::Model& model, std::size_t subgraph, std::size_t index);

/// Elements of a FlatBuffers vector, none where it is absent.  Files align vectors to 4 bytes, no
/// more.
template <class T>
std::span<const T> items(const flatbuffers::Vector<T>* vector) {
  static_assert(sizeof(T) <= 4, "may be unaligned: use item()");
  if (!vector) return {};
  return {reinterpret_cast<const T*>(vector->Data()), vector->size()};
}

/// One element, wherever it stands.
template <class T>
T item(const flatbuffers::Vector<T>& vector, std::size_t i) {
  T value;
  std::memcpy(&value, vector.Data() + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
std::size_t size_of(const flatbuffers::Vector<T>* vector) {
  return vector ? vector->size() : 0;
}

}  // namespace hone::file
