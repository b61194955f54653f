#include "src/tflite/writer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "src/tflite/archive.h"
#include "tests/tflite/models.h"

namespace hone::testing_files {
namespace {

using file::apply;
using file::ModelFile;
using testing_data::message_of;

/// The constant with one element more or less by 1.
Tensor moved(const ModelFile& file, std::int32_t index, std::size_t element = 0) {
  Tensor values = file.constant(0, index).clone();
  values.mutable_raw()[element] ^= std::byte{1};
  return values;
}

/// Names, types, values and operators of `a` and `b` but for tensors in `changed`, and those that
/// only `b` has.
void expect_equal_except(const ModelFile& a, const ModelFile& b,
                         std::vector<std::int32_t> changed) {
  ASSERT_EQ(a.subgraphs.size(), b.subgraphs.size());
  EXPECT_EQ(a.description, b.description);
  const auto &from = a.subgraphs[0], &to = b.subgraphs[0];
  EXPECT_EQ(from.inputs, to.inputs);
  EXPECT_EQ(from.outputs, to.outputs);
  ASSERT_LE(from.tensors.size(), to.tensors.size());
  for (std::size_t i = 0; i < from.tensors.size(); ++i) {
    EXPECT_EQ(from.tensors[i].name, to.tensors[i].name);
    EXPECT_EQ(from.tensors[i].shape_signature, to.tensors[i].shape_signature);
    if (std::count(changed.begin(), changed.end(), static_cast<std::int32_t>(i))) continue;
    EXPECT_EQ(from.tensors[i].type, to.tensors[i].type);
    EXPECT_TRUE(std::ranges::equal(from.tensors[i].data, to.tensors[i].data)) << i;
  }
  ASSERT_EQ(from.operators.size(), to.operators.size());
  for (std::size_t i = 0; i < from.operators.size(); ++i) {
    EXPECT_EQ(from.operators[i].name, to.operators[i].name);
    EXPECT_EQ(from.operators[i].outputs, to.operators[i].outputs);
  }
  ASSERT_EQ(a.signatures.size(), b.signatures.size());
  for (std::size_t i = 0; i < a.signatures.size(); ++i) {
    EXPECT_EQ(a.signatures[i].key, b.signatures[i].key);
    EXPECT_EQ(a.signatures[i].inputs[0].name, b.signatures[i].inputs[0].name);
    EXPECT_EQ(a.signatures[i].inputs[0].tensor, b.signatures[i].inputs[0].tensor);
  }
}

bool same(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

TEST(Writer, ChangesOnlyTheBytesOfTheConstant) {
  const auto file = watch();
  const auto bytes = apply(file, {.edits = {{0, 5, moved(file, 5, 17)}}});
  ASSERT_EQ(bytes.size(), file.bytes.size());
  std::size_t differences = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) differences += bytes[i] != file.bytes[i];
  EXPECT_EQ(differences, 1u);
  EXPECT_TRUE(same(load(bytes).constant(0, 5), moved(file, 5, 17)));
}

TEST(Writer, WritesNewScalesInPlace) {
  const auto file = watch();
  TensorType type = file.tensor(0, 5).type;
  auto scales = *type.axis_scales;
  for (float& s : scales) s *= 2;
  type.axis_scales = std::make_shared<std::vector<float>>(scales);
  const auto bytes = apply(file, {.edits = {{0, 5, file.constant(0, 5).retyped(type)}}});
  EXPECT_EQ(bytes.size(), file.bytes.size());
  EXPECT_EQ(load(bytes).tensor(0, 5).type, type);
  expect_equal_except(file, load(bytes), {5});
}

TEST(Writer, AppendsScalesWhereThereIsNoRoom) {
  const auto file = watch();
  TensorType type(DType::int8, file.tensor(0, 5).type.shape, {.scale = 0.25f, .zero_point = 0});
  const auto bytes = apply(file, {.edits = {{0, 5, file.constant(0, 5).retyped(type)}}});
  EXPECT_EQ(load(bytes).tensor(0, 5).type, type);
  expect_equal_except(file, load(bytes), {5});
}

TEST(Writer, DoesNotWriteScalesThatTensorsShare) {
  const auto original = watch();
  Bytes bytes(original.bytes.begin(), original.bytes.end());
  const auto* tensors = tflite::GetModel(bytes.data())->subgraphs()->Get(0)->tensors();
  // two elements of the vector point to one table
  auto* elements = const_cast<std::uint8_t*>(tensors->Data());
  std::uint32_t offset;
  std::memcpy(&offset, elements + 4 * 7, 4);
  offset += 4;  // one element further from its target
  std::memcpy(elements + 4 * 6, &offset, 4);
  const auto file = load(bytes);
  TensorType type = file.tensor(0, 7).type;
  auto scales = *type.axis_scales;
  scales[0] *= 2;
  type.axis_scales = std::make_shared<std::vector<float>>(scales);
  const auto written = load(apply(file, {.edits = {{0, 7, file.constant(0, 7).retyped(type)}}}));
  EXPECT_EQ(written.tensor(0, 7).type, type);
  EXPECT_EQ(written.tensor(0, 6).type, file.tensor(0, 6).type);
}

// Converters merge constants that are merely equal.
ModelFile with_shared_buffer() {
  auto model = file::unpack(watch());
  auto& tensors = model->subgraphs[0]->tensors;
  auto twin = std::make_unique<tflite::TensorT>(*tensors[5]);
  twin->name = "twin";
  tensors.push_back(std::move(twin));
  return load(packed(*model));
}

TEST(Writer, GivesAChangedConstantABufferOfItsOwn) {
  const auto file = with_shared_buffer();
  const auto written = load(apply(file, {.edits = {{0, 5, moved(file, 5)}}}));
  EXPECT_TRUE(same(written.constant(0, 5), moved(file, 5)));
  EXPECT_TRUE(same(written.constant(0, 22), file.constant(0, 22)));
  EXPECT_NE(written.tensor(0, 5).buffer, written.tensor(0, 22).buffer);
  expect_equal_except(file, written, {5});
}

TEST(Writer, WritesASharedBufferInPlaceWhereAllItsTensorsBecomeTheSame) {
  const auto file = with_shared_buffer();
  const auto bytes = apply(file, {.edits = {{0, 5, moved(file, 5)}, {0, 22, moved(file, 22)}}});
  EXPECT_EQ(bytes.size(), file.bytes.size());
  EXPECT_TRUE(same(load(bytes).constant(0, 22), moved(file, 22)));
}

TEST(Writer, SeparatesTensorsThatBecomeDifferent) {
  const auto file = with_shared_buffer();
  const auto written =
      load(apply(file, {.edits = {{0, 5, moved(file, 5, 1)}, {0, 22, moved(file, 22, 2)}}}));
  EXPECT_TRUE(same(written.constant(0, 5), moved(file, 5, 1)));
  EXPECT_TRUE(same(written.constant(0, 22), moved(file, 22, 2)));
}

TEST(Writer, UntiesOneUseOfAConstant) {
  const auto file = watch();
  const Tensor bias = moved(file, 10);
  const auto written = load(apply(file, {.unties = {{0, 1, 2, "conv0/bias", bias}}}));
  expect_equal_except(file, written, {});
  const auto& graph = written.subgraphs[0];
  ASSERT_EQ(graph.tensors.size(), 23u);
  EXPECT_EQ(graph.tensors[22].name, "conv0/bias");
  EXPECT_EQ(graph.operators[1].inputs, (std::vector<std::int32_t>{12, 11, 22}));
  EXPECT_EQ(graph.operators[3].inputs, file.subgraphs[0].operators[3].inputs);
  EXPECT_TRUE(same(written.constant(0, 22), bias));
}

TEST(Writer, UntiesAndEditsTogether) {
  const auto file = with_shared_buffer();
  const auto bytes = apply(file, {.edits = {{0, 5, moved(file, 5)}},
                                  .unties = {{0, 1, 2, "a", moved(file, 10)},
                                             {0, 3, 2, "b", moved(file, 8)},
                                             {0, 1, 1, "c", moved(file, 11)}},
                                  .metadata = {{"note", Bytes(5)}}});
  const auto written = load(bytes);
  expect_equal_except(file, written, {5});
  EXPECT_EQ(written.subgraphs[0].operators[1].inputs, (std::vector<std::int32_t>{12, 25, 23}));
  EXPECT_EQ(written.subgraphs[0].operators[3].inputs[2], 24);
  EXPECT_TRUE(same(written.constant(0, 25), moved(file, 11)));
  EXPECT_EQ(written.metadata.back().name, "note");
  EXPECT_EQ(written.metadata.back().bytes.size(), 5u);
}

TEST(Writer, WritesTwiceInARow) {
  const auto once = load(apply(watch(), {.unties = {{0, 1, 2, "a", moved(watch(), 10)}}}));
  const auto twice = load(apply(once, {.unties = {{0, 3, 2, "b", moved(once, 8)}}}));
  expect_equal_except(once, twice, {});
  EXPECT_EQ(twice.subgraphs[0].tensors.back().name, "b");
}

TEST(Writer, AddsAndReplacesMetadata) {
  const auto file = watch();
  const Bytes note{std::byte{1}, std::byte{2}, std::byte{3}};
  const auto added = load(apply(file, {.metadata = {{"hone", note}}}));
  ASSERT_EQ(added.metadata.size(), file.metadata.size() + 1);
  EXPECT_TRUE(std::ranges::equal(added.metadata.back().bytes, note));
  const auto replaced = load(apply(added, {.metadata = {{"hone", Bytes(1)}}}));
  ASSERT_EQ(replaced.metadata.size(), added.metadata.size());
  EXPECT_EQ(replaced.metadata.back().bytes.size(), 1u);
  expect_equal_except(file, replaced, {});
}

TEST(Writer, AddsMetadataToAFileWithout) {
  auto model = file::unpack(watch());
  model->metadata.clear();
  const auto file = load(packed(*model));
  EXPECT_EQ(load(apply(file, {.metadata = {{"hone", Bytes(4)}}})).metadata.at(0).name, "hone");
}

TEST(Writer, PacksInt4Again) {
  auto model = file::unpack(watch());
  auto& tensor = *model->subgraphs[0]->tensors[5];
  tensor.type = tflite::TensorType_INT4;
  model->buffers[tensor.buffer]->data.assign(168, 0x7f);
  const auto file = load(packed(*model));
  Tensor values = file.constant(0, 5).clone();
  EXPECT_EQ(values.data<std::int8_t>()[0], -1);
  EXPECT_EQ(values.data<std::int8_t>()[1], 7);
  values.mutable_data<std::int8_t>()[1] = -8;
  const auto written = load(apply(file, {.edits = {{0, 5, values}}}));
  EXPECT_EQ(written.tensor(0, 5).data[0], std::byte{0x8f});
  EXPECT_TRUE(same(written.constant(0, 5), values));
}

TEST(Writer, RefusesValuesThatDoNotFit) {
  const auto file = watch();
  EXPECT_THROW(apply(file, {.edits = {{0, 5, Tensor::zeros({DType::int8, {7, 47}})}}}), Error);
  EXPECT_THROW(apply(file, {.edits = {{0, 5, Tensor::zeros({DType::int16, {7, 48}})}}}), Error);
  EXPECT_THROW(apply(file, {.edits = {{0, 0, Tensor::zeros({DType::int8, {1, 100, 6}})}}}), Error);
  EXPECT_THROW(apply(file, {.edits = {{0, 99, Tensor::zeros({DType::int8, {1}})}}}), Error);
  EXPECT_THROW(apply(file, {.edits = {{0, 5, moved(file, 5)}, {0, 5, moved(file, 5)}}}), Error);
  EXPECT_THROW(apply(file, {.unties = {{0, 1, 3, "", moved(file, 5)}}}), Error);
}

/// An archive of one stored file of one byte, with offsets from `start`.
Bytes archive(std::uint32_t start) {
  Bytes bytes;
  const auto put = [&](std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  };
  const std::uint32_t crc = 0xd3d99e8b;  // of "A"
  const auto common = [&] {
    put(0, 2), put(0, 4), put(crc, 4), put(1, 4), put(1, 4), put(1, 2), put(0, 2);
  };
  put(0x04034b50, 4), put(20, 2), put(0, 2), common(), put('a', 1), put('A', 1);
  const std::uint32_t local = static_cast<std::uint32_t>(bytes.size());
  put(0x02014b50, 4), put(20, 2), put(20, 2), put(0, 2), common();
  put(0, 2), put(0, 2), put(0, 2), put(0, 4), put(start, 4), put('a', 1);
  const std::uint32_t directory = static_cast<std::uint32_t>(bytes.size()) - local;
  put(0x06054b50, 4), put(0, 4), put(1, 2), put(1, 2), put(directory, 4), put(start + local, 4),
      put(0, 2);
  return bytes;
}

TEST(Writer, KeepsAnAppendedArchiveAndItsOffsets) {
  Bytes bytes = bytes_of(model_path("har_watch_int8.tflite"));
  const auto start = static_cast<std::uint32_t>(bytes.size());
  const Bytes old = archive(start);
  bytes.insert(bytes.end(), old.begin(), old.end());
  const auto file = load(bytes);
  ASSERT_EQ(file::archive_start(bytes), start);
  EXPECT_TRUE(apply(file, {}) == bytes);
  const auto written = apply(file, {.unties = {{0, 1, 2, "a", moved(file, 10)}}});
  const auto at = file::archive_start(written);
  EXPECT_GT(at, start);
  EXPECT_TRUE(
      std::ranges::equal(std::span(written).subspan(at), archive(static_cast<std::uint32_t>(at))));
}

TEST(Writer, KeepsAnArchiveBehindARebuiltFile) {
  Bytes bytes = bytes_of(model_path("har_watch_int8.tflite"));
  const Bytes old = archive(static_cast<std::uint32_t>(bytes.size()));
  bytes.insert(bytes.end(), old.begin(), old.end());
  const auto file = load(bytes);
  const auto written = file::pack(*file::unpack(file), file);
  const auto at = file::archive_start(written);
  EXPECT_TRUE(
      std::ranges::equal(std::span(written).subspan(at), archive(static_cast<std::uint32_t>(at))));
  expect_equal_except(file, load(written), {});
}

TEST(Writer, KeepsConstantsOutsideOfTheTables) {
  auto model = file::unpack(watch());
  auto& buffer = *model->buffers[model->subgraphs[0]->tensors[5]->buffer];
  const auto data = std::exchange(buffer.data, {});
  buffer.offset = 65'536, buffer.size = data.size();
  Bytes bytes = packed(*model);
  bytes.resize(65'536);
  for (const auto b : data) bytes.push_back(std::byte{b});
  const auto file = load(bytes);
  const auto written = load(apply(file, {.unties = {{0, 1, 2, "a", moved(file, 10)}}}));
  EXPECT_TRUE(same(written.constant(0, 5), file.constant(0, 5)));
  const auto edited = load(apply(file, {.edits = {{0, 5, moved(file, 5)}}}));
  EXPECT_TRUE(same(edited.constant(0, 5), moved(file, 5)));
}

TEST(Writer, LeavesNothingBehindWhereItCannotWrite) {
  const testing_data::Folder folder;
  EXPECT_NE(message_of([&] {
              file::write_atomically((folder.path() / "no/m.tflite").string(), Bytes(8));
            }),
            "no error");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Writer, ReplacesAFileAtOnce) {
  const testing_data::Folder folder;
  const auto path = (folder.path() / "m.tflite").string();
  file::write_atomically(path, watch().bytes);
  const auto mapped = file::load_file(path);
  file::write_atomically(path, apply(mapped, {.edits = {{0, 5, moved(mapped, 5)}}}));
  EXPECT_TRUE(same(mapped.constant(0, 5), watch().constant(0, 5)));  // the old file is still mapped
  EXPECT_TRUE(same(file::load_file(path).constant(0, 5), moved(mapped, 5)));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace hone::testing_files
