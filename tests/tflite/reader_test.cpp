#include "src/tflite/reader.h"

#include <gtest/gtest.h>

#include <iostream>

#include "src/schema/options.h"
#include "tests/tflite/models.h"

namespace hone::testing_files {
namespace {

std::vector<std::filesystem::path> every_model() {
  auto paths = models_in(std::filesystem::path(HONE_SOURCE_ROOT) / "tests/models");
  const auto shared = testing_data::shared();
  if (!std::filesystem::exists(shared)) {
    std::cout << "without the shared models: " << shared << " does not exist\n";
  }
  for (const char* folder : {"models", "bench", "oracle/conformance"}) {
    for (const auto& path : models_in(shared / folder)) {
      if (path.parent_path().filename() != "broken") paths.push_back(path);
    }
  }
  return paths;
}

TEST(Reader, EveryModelLoadsAndEveryConstantCanBeRead) {
  for (const auto& path : every_model()) {
    SCOPED_TRACE(path);
    const auto file = file::load_file(path.string());
    for (std::size_t s = 0; s < file.subgraphs.size(); ++s) {
      for (std::size_t i = 0; i < file.subgraphs[s].tensors.size(); ++i) {
        const auto& t = file.subgraphs[s].tensors[i];
        if (!t.constant || !t.unsupported.empty()) continue;
        const Tensor values = file.constant(s, static_cast<std::int32_t>(i));
        EXPECT_EQ(values.type(), t.type);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.raw()) % byte_size(t.type.dtype), 0u);
      }
    }
  }
}

TEST(Reader, AFileWithoutChangesIsWrittenByteForByte) {
  for (const auto& path : every_model()) {
    SCOPED_TRACE(path);
    EXPECT_TRUE(file::apply(file::load_file(path.string()), {}) == bytes_of(path));
  }
}

TEST(Reader, BrokenModelsAreRefusedWithTheReasonOrLoaded) {
  const auto folder = testing_data::shared() / "models/real/broken";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " does not exist";
  const auto message = [&](const char* name) {
    return testing_data::message_of([&] { file::load_file((folder / name).string()); });
  };
  EXPECT_NE(
      message("tflm_person_detect_bad_axis.tflite").find("quantized dimension below 1, got 3"),
      std::string::npos);
  EXPECT_NE(message("coral_invoking_error.tflite").find("buffer"), std::string::npos);
  EXPECT_EQ(message("support_string_custom_ops.tflite"), "no error");
  EXPECT_EQ(message("tflm_audio_preprocessor_custom_ops.tflite"), "no error");
}

TEST(Reader, TheWatchModelReadsAsItWasMade) {
  const auto file = watch();
  const auto& graph = file.subgraphs.at(0);
  ASSERT_EQ(graph.operators.size(), 10u);
  EXPECT_EQ(graph.operators[1].name, "CONV_2D");
  EXPECT_EQ(graph.operators[1].version, 3);
  EXPECT_EQ(graph.tensors[0].type, TensorType(DType::int8, {1, 100, 6}, graph.tensors[0].type));
  EXPECT_EQ(graph.tensors[0].type.zero_point, 54);
  EXPECT_EQ(graph.tensors[5].type.axis, 0);
  EXPECT_EQ(graph.tensors[5].type.axis_scales->size(), 7u);
  EXPECT_EQ(graph.operators[9].options.as<tflite::SoftmaxOptions>().beta(), 1.f);
  EXPECT_EQ(file.signatures.at(0).key, "serving_default");
  EXPECT_EQ(file.metadata.at(0).name, "min_runtime_version");
}

TEST(Reader, OptionsOfAnotherOperatorAreAnError) {
  const auto file = watch();
  EXPECT_THROW(file.subgraphs[0].operators[9].options.as<tflite::Conv2DOptions>(), Error);
}

TEST(Reader, AbsentOptionsAreDefaults) {
  EXPECT_EQ(Options().as<tflite::Conv2DOptions>().dilation_w_factor(), 1);
}

// As exporters do above 2 GB: offset and size in the table, the bytes behind the tables.
TEST(Reader, AConstantAtAnOddPositionIsCopied) {
  const auto file = watch();
  const auto index = constant_of(file, DType::int32);
  const auto& constant = file.tensor(0, index);
  auto model = file::unpack(file);
  constexpr std::size_t position = 65'537;
  auto& buffer = *model->buffers[constant.buffer];
  buffer.data.clear();
  buffer.offset = position;
  buffer.size = constant.data.size();
  Bytes bytes = packed(*model);
  ASSERT_LT(bytes.size(), position);
  bytes.resize(position);
  bytes.insert(bytes.end(), constant.data.begin(), constant.data.end());
  EXPECT_EQ(load(bytes).constant(0, index).to_ints(), file.constant(0, index).to_ints());
}

TEST(Reader, AMissingFileIsAnErrorThatNamesIt) {
  const auto message = testing_data::message_of([] { file::load_file("no/such.tflite"); });
  EXPECT_NE(message.find("[no/such.tflite] expected"), std::string::npos);
}

TEST(Reader, AFolderIsAnError) { EXPECT_THROW(file::load_file(HONE_SOURCE_ROOT), Error); }

}  // namespace
}  // namespace hone::testing_files
