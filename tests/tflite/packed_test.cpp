#include "src/tflite/packed.h"

#include <gtest/gtest.h>

#include "tests/tflite/models.h"

namespace hone::testing_files {
namespace {

using file::pack;
using file::unpack;

Bytes of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

Bytes unpacked(DType dtype, const Bytes& bytes, std::size_t numel) {
  Bytes values(numel);
  unpack(dtype, bytes, values);
  return values;
}

TEST(Packed, Int4HasItsFirstElementInTheLowNibble) {
  EXPECT_EQ(unpacked(DType::int4, of({0x7f, 0x08}), 3), of({-1, 7, -8}));
  EXPECT_EQ(pack(DType::int4, of({-1, 7, -8})), of({0x7f, 0x08}));
}

TEST(Packed, Uint4HasNoSign) {
  EXPECT_EQ(unpacked(DType::uint4, of({0x7f}), 2), of({15, 7}));
  EXPECT_EQ(pack(DType::uint4, of({15, 7})), of({0x7f}));
}

TEST(Packed, Int2HasFourElementsInAByte) {
  EXPECT_EQ(unpacked(DType::int2, of({0b11100100, 0b10}), 5), of({0, 1, -2, -1, -2}));
  EXPECT_EQ(pack(DType::int2, of({0, 1, -2, -1, -2})), of({0b11100100, 0b10}));
}

TEST(Packed, SizesAreRoundedUpToBytes) {
  EXPECT_EQ(file::packed_bytes(DType::int4, 7), 4u);
  EXPECT_EQ(file::packed_bytes(DType::int2, 5), 2u);
  EXPECT_EQ(file::packed_bytes(DType::float32, 3), 12u);
}

TEST(Packed, ASparseConstantBecomesDense) {
  auto model = file::unpack(watch());
  make_sparse(*model, 3);
  EXPECT_EQ(load(packed(*model)).constant(0, 3).to_ints(),
            (std::vector<std::int64_t>{0, 5, 0, 6, 0, 7}));
}

TEST(Packed, ASparseIndexOutsideOfItsDimensionIsRefused) {
  auto model = file::unpack(watch());
  make_sparse(*model, 3);
  auto& columns = *model->subgraphs[0]->tensors[3]->sparsity->dim_metadata[1];
  columns.array_indices.AsUint8Vector()->values[2] = 3;
  EXPECT_THROW(load(packed(*model)), Error);
}

}  // namespace
}  // namespace hone::testing_files
