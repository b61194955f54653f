#include "src/tflite/verifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "tests/tflite/models.h"

namespace hone::testing_files {
namespace {

using testing_data::message_of;

/// One thing that is wrong with a file, and the words that the refusal has.
struct Hostile {
  const char* what;
  std::function<void(tflite::ModelT&)> harm;
  const char* words;
};

tflite::TensorT& tensor(tflite::ModelT& m, std::size_t i) { return *m.subgraphs[0]->tensors[i]; }
tflite::OperatorT& op(tflite::ModelT& m, std::size_t i) { return *m.subgraphs[0]->operators[i]; }

/// Tensor 5: the head's weights, int8 [7, 48], per axis; 11: of the first convolution; 0: the
/// input; 21: the output.
tflite::QuantizationParametersT& scales(tflite::ModelT& m, std::size_t i = 5) {
  return *tensor(m, i).quantization;
}

// An operator that runs subgraph `callee`, and a second subgraph with the head's types.
template <class Options>
void call(tflite::ModelT& m, tflite::BuiltinOperator code, Options options) {
  m.operator_codes.push_back(std::make_unique<tflite::OperatorCodeT>());
  m.operator_codes.back()->builtin_code = code;
  op(m, 0).opcode_index = static_cast<std::uint32_t>(m.operator_codes.size() - 1);
  op(m, 0).builtin_options.Set(std::move(options));
}

tflite::WhileOptionsT loop(int condition, int body) {
  tflite::WhileOptionsT options;
  options.cond_subgraph_index = condition;
  options.body_subgraph_index = body;
  return options;
}

tflite::CallOnceOptionsT once(int subgraph) {
  tflite::CallOnceOptionsT options;
  options.init_subgraph_index = subgraph;
  return options;
}

template <class Details>
void details(tflite::ModelT& m, Details d) {
  scales(m).details.Set(std::move(d));
}

tflite::BlockwiseQuantizationT blocks(int scales_index, int size) {
  tflite::BlockwiseQuantizationT b;
  b.scales = scales_index;
  b.zero_points = -1;
  b.block_size = size;
  return b;
}

// The classes of a checklist of hostile files: indices, shapes, quantization, calls, state and
// names.
const Hostile hostile[] = {
    {"version", [](auto& m) { m.version = 2; }, "expected version 3"},
    {"no subgraph", [](auto& m) { m.subgraphs.clear(); }, "1 to 10000 subgraphs, got 0"},
    {"custom without a code",
     [](auto& m) { m.operator_codes[0]->builtin_code = tflite::BuiltinOperator_CUSTOM; },
     "expected a custom code, got none"},
    {"unknown builtin code",
     [](auto& m) { m.operator_codes[0]->builtin_code = tflite::BuiltinOperator(5000); },
     "got 5000"},
    {"operator version 0", [](auto& m) { m.operator_codes[0]->version = 0; }, "at least 1, got 0"},
    {"operator code index", [](auto& m) { op(m, 0).opcode_index = 99; }, "operator code below"},
    {"element type", [](auto& m) { tensor(m, 0).type = tflite::TensorType(77); }, "got 77"},
    {"padding",
     [](auto& m) { op(m, 1).builtin_options.AsConv2DOptions()->padding = tflite::Padding(9); },
     "expected padding to be one of 2 values, got 9"},
    {"input index", [](auto& m) { op(m, 1).inputs[0] = 22; }, "input tensors below 22, got 22"},
    {"input -2", [](auto& m) { op(m, 1).inputs[2] = -2; }, "got -2"},
    {"output -1", [](auto& m) { op(m, 1).outputs[0] = -1; }, "output tensors below 22, got -1"},
    {"intermediate index", [](auto& m) { op(m, 1).intermediates = {1000}; }, "got 1000"},
    {"graph input", [](auto& m) { m.subgraphs[0]->inputs = {-1}; }, "input tensors"},
    {"graph output", [](auto& m) { m.subgraphs[0]->outputs = {400}; }, "output tensors"},
    {"in place", [](auto& m) { op(m, 1).outputs[0] = 12; }, "the output of another"},
    {"two sources", [](auto& m) { op(m, 3).outputs[0] = 13; }, "expected to be the only source"},
    {"writes a constant", [](auto& m) { op(m, 1).outputs[0] = 5; }, "which is a constant"},
    {"writes the input", [](auto& m) { op(m, 1).outputs[0] = 0; }, "which is an input"},
    {"wrong order",
     [](auto& m) { std::swap(m.subgraphs[0]->operators[1], m.subgraphs[0]->operators[3]); },
     "operator #1 CONV_2D] expected a value of tensor #14"},
    {"missing constant", [](auto& m) { m.buffers[tensor(m, 5).buffer]->data.clear(); },
     "expected a value of tensor #5"},
    {"output that nothing makes", [](auto& m) { m.subgraphs[0]->operators.pop_back(); },
     "[outputs of subgraph #0]"},
    {"buffer index", [](auto& m) { tensor(m, 0).buffer = 1000; }, "expected a buffer below"},
    {"buffer outside",
     [](auto& m) { m.buffers[1]->offset = std::uint64_t(-16), m.buffers[1]->size = 32; },
     "buffer #1] expected bytes inside the file"},
    {"signature tensor", [](auto& m) { m.signature_defs[0]->inputs[0]->tensor_index = 99; },
     "got 99"},
    {"signature subgraph", [](auto& m) { m.signature_defs[0]->subgraph_index = 7; }, "got 7"},
    {"metadata buffer", [](auto& m) { m.metadata[0]->buffer = 999; }, "metadata #0"},
    {"custom options outside",
     [](auto& m) {
       op(m, 0).large_custom_options_offset = 1u << 30;
       op(m, 0).large_custom_options_size = 9;
     },
     "custom options inside the file"},

    {"loop to nowhere", [](auto& m) { call(m, tflite::BuiltinOperator_WHILE, loop(5, 0)); },
     "subgraph below 1, got 5"},
    {"negative subgraph", [](auto& m) { call(m, tflite::BuiltinOperator_WHILE, loop(-1, 0)); },
     "got -1"},
    {"recursion",
     [](auto& m) {
       call(m, tflite::BuiltinOperator_WHILE, loop(0, 0));
       op(m, 0).inputs = {0};
     },
     "a subgraph that calls itself"},
    {"passes too much", [](auto& m) { call(m, tflite::BuiltinOperator_CALL_ONCE, once(0)); },
     "expected the 0 inputs"},
    {"a call without options",
     [](auto& m) {
       call(m, tflite::BuiltinOperator_IF, tflite::IfOptionsT());
       op(m, 0).builtin_options.Reset();
     },
     "expected its options, got none"},

    {"negative dimension", [](auto& m) { tensor(m, 0).shape[0] = -1; },
     "dimensions of at least 0, got -1"},
    {"rank 9", [](auto& m) { tensor(m, 0).shape.assign(9, 1); }, "at most 8 dimensions, got 9"},
    {"signature rank", [](auto& m) { tensor(m, 0).shape_signature = {1}; }, "shape signature of 3"},
    {"overflow",
     [](auto& m) {
       tensor(m, 12).shape = {1 << 30, 1 << 30, 1 << 30, 4};
     },
     "elements, got more"},
    {"overflow beside a zero",
     [](auto& m) {
       tensor(m, 12).shape = {0, 1 << 30, 1 << 30, 1 << 30};
     },
     "elements, got more"},
    {"short constant", [](auto& m) { m.buffers[tensor(m, 5).buffer]->data.pop_back(); },
     "expected 336 bytes"},

    {"scale 0", [](auto& m) { scales(m).scale[3] = 0; }, "normal scales, got 0"},
    {"scale NaN", [](auto& m) { scales(m).scale[3] = NAN; }, "normal scales, got nan"},
    {"scale infinite", [](auto& m) { scales(m).scale[3] = INFINITY; }, "got inf"},
    {"scale negative", [](auto& m) { scales(m).scale[3] = -1; }, "got -1"},
    {"scale denormal", [](auto& m) { scales(m).scale[3] = 1e-40f; }, "normal scales"},
    {"scale count", [](auto& m) { scales(m).scale.pop_back(), scales(m).zero_point.pop_back(); },
     "1 scale or 7 along quantized dimension 0, got 6"},
    {"zero points", [](auto& m) { scales(m).zero_point.pop_back(); },
     "as many zero points as scales"},
    {"zero point alone", [](auto& m) { scales(m, 0).scale.clear(); },
     "expected a scale with zero point"},
    {"zero point range", [](auto& m) { scales(m, 0).zero_point[0] = 128; }, "-128 to 127, got 128"},
    {"quantized dimension", [](auto& m) { scales(m).quantized_dimension = 2; },
     "dimension below 2, got 2"},
    {"negative axis", [](auto& m) { scales(m).quantized_dimension = -1; }, "got -1"},
    {"block scales", [](auto& m) { details(m, blocks(500, 16)); },
     "scales in a tensor below 22, got 500"},
    {"block size", [](auto& m) { details(m, blocks(4, 0)); }, "block size"},
    {"block rest", [](auto& m) { details(m, blocks(4, 9)); }, "divides the last dimension"},

    {"sparse without values",
     [](auto& m) { tensor(m, 0).sparsity = std::make_unique<tflite::SparsityParametersT>(); },
     "sparse tensor with values"},
    {"sparse dimensions",
     [](auto& m) { tensor(m, 5).sparsity = std::make_unique<tflite::SparsityParametersT>(); },
     "2 sparse dimensions"},
    {"sparse bomb",
     [](auto& m) {
       make_sparse(m, 3);
       tensor(m, 3).shape[1] = 0x7fffffff;
       tensor(m, 12).shape[1] = 0x7fffffff;
     },
     "bytes of activations"},
    {"strings", [](auto& m) { tensor(m, 5).type = tflite::TensorType_STRING; }, "strings"},
    {"variable with values", [](auto& m) { tensor(m, 5).is_variable = true; },
     "variable without values"},
    {"variable string",
     [](auto& m) {
       tensor(m, 12).is_variable = true;
       tensor(m, 12).type = tflite::TensorType_STRING;
     },
     "variable of numbers"},
    {"resource constant", [](auto& m) { tensor(m, 5).type = tflite::TensorType_RESOURCE; },
     "expected no values in a tensor of type"},
    {"external id", [](auto& m) { tensor(m, 12).external_buffer = 4; },
     "external buffer of this file"},
    {"external path",
     [](auto& m) {
       m.external_buffer_groups.push_back(std::make_unique<tflite::ExternalBufferGroupT>());
       m.external_buffer_groups[0]->name = "../secrets";
     },
     "in the model's folder"},
    {"long name", [](auto& m) { tensor(m, 0).name.assign(70'000, 'x'); },
     "name of at most 65536 bytes"},
};

TEST(Verifier, RefusesWhatIsHostileAndSaysWhy) {
  const auto good = watch();
  for (const Hostile& h : hostile) {
    const auto model = file::unpack(good);
    h.harm(*model);
    const std::string message = message_of([&] { load(packed(*model)); });
    EXPECT_NE(message.find(h.words), std::string::npos) << h.what << ": " << message;
  }
}

TEST(Verifier, RefusesABrokenHeader) {
  const auto good = bytes_of(model_path("har_watch_int8.tflite"));
  const auto harmed = [&](std::size_t at, std::uint32_t value) {
    Bytes bytes = good;
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return message_of([&] { load(bytes); });
  };
  EXPECT_NE(harmed(4, 0x33333333).find("TFL3"), std::string::npos);
  for (const std::uint32_t root : {0u, 1u, 0x7fffffffu, 0xffffffffu, 4u}) {
    EXPECT_NE(harmed(0, root).find("well-formed FlatBuffer"), std::string::npos) << root;
  }
  const char eight[] = "\x18\0\0\0TFL3";
  EXPECT_THROW(file::load_bytes(std::as_bytes(std::span(eight, 8))), Error);
  EXPECT_THROW(file::load_bytes({}), Error);
}

TEST(Verifier, RefusesATagWithoutItsTable) {
  Bytes bytes = bytes_of(model_path("har_watch_int8.tflite"));
  auto* model = const_cast<tflite::Model*>(tflite::GetModel(bytes.data()));
  auto* conv =
      model->mutable_subgraphs()->GetMutableObject(0)->mutable_operators()->GetMutableObject(1);
  auto* table = reinterpret_cast<flatbuffers::Table*>(conv);
  *table->GetAddressOf(tflite::Operator::VT_BUILTIN_OPTIONS_TYPE) = 200;
  EXPECT_NE(message_of([&] { load(bytes); }).find("tag up to 126, got 200"), std::string::npos);
}

TEST(Verifier, KeepsToItsLimits) {
  const auto good = bytes_of(model_path("har_watch_int8.tflite"));
  const auto message = [&](const file::Limits& limits) {
    return message_of([&] { file::load_bytes(good, limits); });
  };
  EXPECT_NE(message({.file_bytes = 1000}).find("at most 1000 bytes"), std::string::npos);
  EXPECT_NE(message({.tensors = 21}).find("at most 21 tensors"), std::string::npos);
  EXPECT_NE(message({.operators = 9}).find("at most 9 operators"), std::string::npos);
  EXPECT_NE(message({.tensor_bytes = 500}).find("at most 500"), std::string::npos);
  EXPECT_NE(message({.activation_bytes = 1500}).find("1500 bytes of activations"),
            std::string::npos);
}

TEST(Verifier, LetsPassWhatMerelyCannotRun) {
  auto model = file::unpack(watch());
  model->operator_codes[0]->builtin_code = tflite::BuiltinOperator_CUSTOM;
  model->operator_codes[0]->deprecated_builtin_code = 32;
  model->operator_codes[0]->custom_code = "Mystery";
  model->operator_codes[1]->version = 99;
  const Bytes bytes = packed(*model);
  EXPECT_TRUE(file::apply(load(bytes), {}) == bytes);
}

}  // namespace
}  // namespace hone::testing_files
