#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/tflite/models.h"

namespace hone::testing_files {
namespace {

/// Loads, reads and rewrites whatever the bytes are; throws nothing but Error.
void survive(std::span<const std::byte> bytes) {
  try {
    const auto file = file::load_bytes(bytes, {.activation_bytes = 1u << 24});
    file::Changes changes;
    for (std::size_t i = 0; i < file.subgraphs[0].tensors.size(); ++i) {
      const auto& t = file.subgraphs[0].tensors[i];
      if (!t.constant || !t.unsupported.empty()) continue;
      const auto index = static_cast<std::int32_t>(i);
      Tensor values = file.constant(0, index).clone();
      if (t.sparse || values.bytes() == 0) continue;
      values.mutable_raw()[0] ^= std::byte{1};
      changes.edits.push_back({0, index, values});
    }
    file::apply(file, changes);
  } catch (const Error&) {
  }
}

/// Three small files: two mostly weights, one mostly tables.
Bytes named(std::string_view name) {
  return name == "tables" ? mostly_tables() : bytes_of(model_path(name));
}

class Mutations : public testing::TestWithParam<const char*> {};

TEST_P(Mutations, OneByteNeverCrashesTheLoader) {
  const Bytes good = named(GetParam());
  std::mt19937 random(1);
  Bytes bytes = good;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t at = random() % good.size();
    const auto change = static_cast<std::uint8_t>(1 + random() % 255);
    bytes[at] = i % 4 == 0   ? std::byte{0xff}
                : i % 4 == 1 ? std::byte{0}
                             : bytes[at] ^ std::byte{change};
    survive(bytes);
    bytes[at] = good[at];
  }
}

TEST(MutationSeeds, TheFileOfTablesLoadsUnchanged) {
  const auto file = load(mostly_tables());
  EXPECT_TRUE(file.tensor(0, 3).sparse);
  EXPECT_EQ(file.tensor(0, 5).block_size, 1);
  EXPECT_EQ(file.subgraphs[0].operators[9].name, "WHILE");
}

TEST_P(Mutations, FourBytesNeverCrashTheLoader) {
  const Bytes good = named(GetParam());
  Bytes bytes = good;
  std::mt19937 random(2);
  for (const std::uint32_t value : {0u, 1u, 0xffffffffu, 0x80000000u, 0x7fffffffu, 0x20000000u}) {
    for (int i = 0; i < 1'000; ++i) {
      const std::size_t at = random() % (good.size() / 4) * 4;
      std::memcpy(bytes.data() + at, &value, sizeof value);
      survive(bytes);
      std::memcpy(bytes.data() + at, good.data() + at, sizeof value);
    }
  }
}

TEST_P(Mutations, TruncationNeverCrashesTheLoader) {
  const Bytes good = named(GetParam());
  for (std::size_t size = 0; size < good.size(); size += 4) survive(std::span(good).first(size));
}

INSTANTIATE_TEST_SUITE_P(Models, Mutations,
                         testing::Values("tables", "har_watch_int8.tflite",
                                         "har_watch_dynamic.tflite"));

}  // namespace
}  // namespace hone::testing_files
