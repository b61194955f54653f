#pragma once
/// Small models for tests of what runs and trains them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/schema/tflite_generated.h"

namespace hone::tests {

/// A file of one subgraph, put together tensor by tensor and operator by operator.
class Network {
 public:
  Network() {
    model_.version = 3;
    model_.buffers.push_back(
        std::make_unique<tflite::BufferT>());  // that of tensors without values
    model_.subgraphs.push_back(std::make_unique<tflite::SubGraphT>());
  }

  tflite::ModelT& model() noexcept { return model_; }
  tflite::SubGraphT& graph() noexcept { return *model_.subgraphs[0]; }

  std::int32_t tensor(std::string name, std::vector<std::int32_t> shape,
                      tflite::TensorType type = tflite::TensorType_FLOAT32) {
    auto t = std::make_unique<tflite::TensorT>();
    t->name = std::move(name);
    t->shape = std::move(shape);
    t->type = type;
    graph().tensors.push_back(std::move(t));
    return static_cast<std::int32_t>(graph().tensors.size() - 1);
  }

  /// A constant; its type is that of the values unless told otherwise.
  template <class T>
  std::int32_t constant(std::string name, std::vector<std::int32_t> shape,
                        const std::vector<T>& values, tflite::TensorType type = type_of(T{})) {
    const std::int32_t index = tensor(std::move(name), std::move(shape), type);
    auto buffer = std::make_unique<tflite::BufferT>();
    const auto bytes = std::as_bytes(std::span(values));
    buffer->data.resize(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i)
      buffer->data[i] = static_cast<std::uint8_t>(bytes[i]);
    model_.buffers.push_back(std::move(buffer));
    at(index).buffer = static_cast<std::uint32_t>(model_.buffers.size() - 1);
    return index;
  }

  tflite::TensorT& at(std::int32_t index) {
    return *graph().tensors[static_cast<std::size_t>(index)];
  }

  /// Gives a tensor scales (one, or one for each index of `axis`) and zero points of `zero`.
  void quantize(std::int32_t index, std::vector<float> scales, std::int64_t zero = 0,
                std::int32_t axis = 0) {
    auto q = std::make_unique<tflite::QuantizationParametersT>();
    q->zero_point.assign(scales.size(), zero);
    q->scale = std::move(scales);
    q->quantized_dimension = axis;
    at(index).quantization = std::move(q);
  }

  tflite::OperatorT& op(tflite::BuiltinOperator code, std::vector<std::int32_t> inputs,
                        std::vector<std::int32_t> outputs, const std::string& custom = {}) {
    auto entry = std::make_unique<tflite::OperatorCodeT>();
    entry->builtin_code = code;
    entry->deprecated_builtin_code = static_cast<std::int8_t>(code);
    entry->custom_code = custom;
    model_.operator_codes.push_back(std::move(entry));
    auto op = std::make_unique<tflite::OperatorT>();
    op->opcode_index = static_cast<std::uint32_t>(model_.operator_codes.size() - 1);
    op->inputs = std::move(inputs);
    op->outputs = std::move(outputs);
    graph().operators.push_back(std::move(op));
    return *graph().operators.back();
  }

  tflite::OperatorT& fully_connected(std::vector<std::int32_t> inputs, std::int32_t output) {
    tflite::OperatorT& made =
        op(tflite::BuiltinOperator_FULLY_CONNECTED, std::move(inputs), {output});
    made.builtin_options.Set(tflite::FullyConnectedOptionsT());
    return made;
  }

  std::vector<std::byte> bytes(std::vector<std::int32_t> inputs,
                               std::vector<std::int32_t> outputs) {
    graph().inputs = std::move(inputs);
    graph().outputs = std::move(outputs);
    flatbuffers::FlatBufferBuilder builder;
    tflite::FinishModelBuffer(builder, tflite::Model::Pack(builder, &model_));
    const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
    return {data, data + builder.GetSize()};
  }

 private:
  static constexpr tflite::TensorType type_of(float) { return tflite::TensorType_FLOAT32; }
  static constexpr tflite::TensorType type_of(std::int8_t) { return tflite::TensorType_INT8; }
  static constexpr tflite::TensorType type_of(std::int32_t) { return tflite::TensorType_INT32; }

  tflite::ModelT model_;
};

}  // namespace hone::tests
