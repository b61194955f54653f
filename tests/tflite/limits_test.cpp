#include <gtest/gtest.h>

#include <hone/model.h>

#include "tests/tflite/models.h"

namespace hone::testing_files {
namespace {

std::unique_ptr<tflite::TensorT> tensor(tflite::TensorType type, std::vector<std::int32_t> shape,
                                        std::uint32_t buffer) {
  auto t = std::make_unique<tflite::TensorT>();
  t->type = type;
  t->shape = std::move(shape);
  t->buffer = buffer;
  return t;
}

/// PAD of four numbers with `after` zeros, in a file that says the result has four.
Bytes padded(std::int32_t after) {
  tflite::ModelT model;
  model.version = 3;
  for (int i = 0; i < 2; ++i) model.buffers.push_back(std::make_unique<tflite::BufferT>());
  const std::int32_t paddings[] = {0, after};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(paddings);
  model.buffers[1]->data.assign(bytes, bytes + sizeof paddings);
  model.operator_codes.push_back(std::make_unique<tflite::OperatorCodeT>());
  model.operator_codes[0]->deprecated_builtin_code = tflite::BuiltinOperator_PAD;
  model.operator_codes[0]->builtin_code = tflite::BuiltinOperator_PAD;
  auto graph = std::make_unique<tflite::SubGraphT>();
  graph->tensors.push_back(tensor(tflite::TensorType_FLOAT32, {4}, 0));
  graph->tensors.push_back(tensor(tflite::TensorType_INT32, {1, 2}, 1));
  graph->tensors.push_back(tensor(tflite::TensorType_FLOAT32, {4}, 0));
  auto pad = std::make_unique<tflite::OperatorT>();
  pad->inputs = {0, 1};
  pad->outputs = {2};
  graph->operators.push_back(std::move(pad));
  graph->inputs = {0};
  graph->outputs = {2};
  model.subgraphs.push_back(std::move(graph));
  return packed(model);
}

TEST(ActivationLimit, HoldsForShapesThatConstantsDecide) {
  Model model = Model::load(padded(1 << 20), {.max_activation_bytes = 1 << 22});
  try {
    model(Variable(Tensor::of({4}, {1.f, 2.f, 3.f, 4.f})));
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("at most 4194304 bytes"), std::string::npos)
        << error.what();
  }
}

TEST(ActivationLimit, LetsThroughWhatJustFits) {
  Model model = Model::load(padded((1 << 20) - 4), {.max_activation_bytes = 1 << 22});
  EXPECT_EQ(model(Variable(Tensor::of({4}, {1.f, 2.f, 3.f, 4.f}))).data().bytes(), 1u << 22);
}

}  // namespace
}  // namespace hone::testing_files
