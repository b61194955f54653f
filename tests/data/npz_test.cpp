#include <cmath>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/error.h>
#include <hone/tensor.h>

#include "src/data/npy.h"
#include "src/data/npz.h"
#include "tests/data/files.h"

namespace hone {
namespace {

using testing_data::bytes_of;
using testing_data::fixture;
using testing_data::Folder;
using testing_data::message_of;

Tensor npy(const std::string& bytes) {
  std::istringstream file(bytes);
  return read_npy(file, "a.npy");
}

Arrays npz(const std::string& bytes) {
  std::istringstream file(bytes);
  return read_npz(file, "a.npz");
}

std::string npy_bytes(const std::string& header, const std::string& values, char version = 1) {
  std::string out = "\x93NUMPY";
  out += {version, '\0', static_cast<char>(header.size() & 0xff),
          static_cast<char>(header.size() >> 8)};
  if (version > 1) out += std::string(2, '\0');
  return out + header + values;
}

std::vector<double> values_of(const Tensor& t) {
  if (t.dtype() == DType::float64) return {t.data<double>().begin(), t.data<double>().end()};
  if (is_integer(t.dtype())) {
    const std::vector<std::int64_t> ints = t.to_ints();
    return {ints.begin(), ints.end()};
  }
  const Tensor f = t.to_float();
  return {f.data<float>().begin(), f.data<float>().end()};
}

/// tests/golden/make_data_fixtures.py fills every array with 0, 1, 2, ... in row-major order.
void expect_counting(const Arrays& arrays) {
  ASSERT_EQ(arrays.size(), 15u);
  for (const auto& [key, t] : arrays) {
    SCOPED_TRACE(key);
    if (key == "bool") {
      EXPECT_EQ(t.dtype(), DType::boolean);
      EXPECT_EQ(t.to_ints(), (std::vector<std::int64_t>{0, 1, 1, 0}));
    } else if (key == "scalar") {
      EXPECT_EQ(t.shape(), Shape{});
      EXPECT_EQ(t.data<double>()[0], 2.5);
    } else if (key == "empty") {
      EXPECT_EQ(t.shape(), (Shape{0, 3}));
    } else {
      EXPECT_EQ(t.shape(), (Shape{2, 3, 4}));
      EXPECT_EQ(name(t.dtype()), key == "fortran" ? "float32" : key);
      const std::vector<double> values = values_of(t);
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], static_cast<double>(i));
    }
  }
}

TEST(Npz, ReadsWhatNumPyStored) { expect_counting(read_npz(fixture("stored.npz"))); }

TEST(Npz, ReadsWhatNumPyDeflated) { expect_counting(read_npz(fixture("deflated.npz"))); }

TEST(Npz, ReadsArchivesWithZip64Records) { expect_counting(read_npz(fixture("zip64.npz"))); }

TEST(Npz, ReadsOnlyTheKeysAskedFor) {
  const std::string keys[] = {"int8", "absent"};
  const Arrays arrays = read_npz(fixture("stored.npz"), keys);
  ASSERT_EQ(arrays.size(), 1u);
  EXPECT_EQ(arrays.begin()->first, "int8");
}

TEST(Npz, ReadsItsOwnFilesBack) {
  const Folder folder;
  const Arrays arrays = read_npz(fixture("deflated.npz"));
  write_npz(folder.path() / "copy.npz", arrays);
  expect_counting(read_npz(folder.path() / "copy.npz"));
}

TEST(Npz, WritesTheSameBytesForTheSameArrays) {
  const Folder folder;
  const Arrays arrays{{"a", Tensor::of<float>({2}, {1, 2})}};
  write_npz(folder.path() / "1.npz", arrays);
  write_npz(folder.path() / "2.npz", arrays);
  EXPECT_EQ(bytes_of(folder.path() / "1.npz"), bytes_of(folder.path() / "2.npz"));
}

TEST(Npz, WritesInt4AsInt8) {
  const Folder folder;
  Tensor t(TensorType(DType::int4, Shape{2}));
  t.mutable_data<std::int8_t>()[0] = -8;
  t.mutable_data<std::int8_t>()[1] = 7;
  write_npz(folder.path() / "a.npz", {{"t", t}});
  const Tensor back = read_npz(folder.path() / "a.npz").at("t");
  EXPECT_EQ(back.dtype(), DType::int8);
  EXPECT_EQ(back.to_ints(), (std::vector<std::int64_t>{-8, 7}));
}

TEST(Npz, LeavesTheOldFileWhereAnArrayCannotBeWritten) {
  const Folder folder;
  const auto path = folder.path() / "a.npz";
  write_npz(path, {{"a", Tensor::of<float>({1}, {1})}});
  const std::string before = bytes_of(path);
  const Tensor odd(TensorType(DType::bfloat16, Shape{1}));
  EXPECT_NE(message_of([&] { write_npz(path, {{"a", odd}}); }).find("bfloat16"), std::string::npos);
  EXPECT_EQ(bytes_of(path), before);
}

TEST(Npz, DoesNotReplaceAReadOnlyFile) {
  const Folder folder;
  const auto path = folder.path() / "a.npz";
  write_npz(path, {{"a", Tensor::of<float>({1}, {1})}});
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  const std::string before = bytes_of(path);
  EXPECT_THROW(write_npz(path, {}), Error);
  EXPECT_EQ(bytes_of(path), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Npz, SaysThatTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full here";
  EXPECT_NE(message_of([] { write_npz("/dev/full", {}); }).find("No space"), std::string::npos);
}

TEST(Npz, NamesTheKeysThatAreThere) {
  const Arrays arrays{{"x", Tensor::of<float>({1}, {1})}};
  EXPECT_EQ(message_of([&] { require(arrays, "y", "a.npz"); }),
            "[a.npz] expected an array \"y\", got x");
}

TEST(Npz, NeverCrashesOnATruncatedArchive) {
  for (const char* name : {"stored.npz", "deflated.npz", "zip64.npz"}) {
    const std::string whole = bytes_of(fixture(name));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      EXPECT_THROW(npz(whole.substr(0, n)), Error) << name << ' ' << n;
    }
  }
}

TEST(Npz, NeverCrashesOnAChangedByte) {
  for (const char* name : {"stored.npz", "deflated.npz", "zip64.npz"}) {
    const std::string whole = bytes_of(fixture(name));
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string bytes = whole;
      for (const int change : {1, 0x80, 0xff}) {
        bytes[i] = static_cast<char>(whole[i] ^ change);
        try {
          npz(bytes);
        } catch (const Error&) {
          // an Error is fine, and so is a change that only touches a date or a name
        }
      }
    }
  }
}

TEST(Npz, RefusesAClaimThatDeflateCannotHold) {
  std::string bytes = bytes_of(fixture("deflated.npz"));
  const std::size_t entry = bytes.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  bytes.replace(entry + 24, 4, "\xff\xff\xff\x7f");
  EXPECT_NE(message_of([&] { npz(bytes); }).find("claim of 2147483647"), std::string::npos);
}

/// x of two samples (3), y of their classes.
Arrays two_samples(std::vector<float> x) {
  return {{"x", Tensor::of<float>({2, 3}, std::span<const float>(x))},
          {"y", Tensor::of<std::int32_t>({2}, {0, 1})}};
}

TEST(NpzDataset, LeavesALargeArrayInItsFile) {
  const Folder folder;
  const auto path = folder.path() / "large.npz";
  write_npz(path, two_samples({1, 2, 3, 4, 5, 6}));
  const Dataset in_memory = hone::npz(path), in_file = hone::npz(path, {.most_bytes = 16});
  for (const std::vector<std::size_t>& order :
       {std::vector<std::size_t>{0, 1}, std::vector<std::size_t>{1, 0, 1}}) {
    const Batch expected = in_memory.gather(order), got = in_file.gather(order);
    EXPECT_EQ(values_of(got.x), values_of(expected.x));
    EXPECT_EQ(got.labels.to_ints(), expected.labels.to_ints());
  }
}

TEST(NpzDataset, RefusesAFileThatHasBecomeShorter) {
  const Folder folder;
  const auto path = folder.path() / "cut.npz";
  write_npz(path, two_samples({1, 2, 3, 4, 5, 6}));
  const Dataset in_file = hone::npz(path, {.most_bytes = 16});
  std::filesystem::resize_file(path, 100);
  const std::vector<std::size_t> last{1};
  EXPECT_NE(message_of([&] { in_file.gather(last); }).find("shorter"), std::string::npos);
}

TEST(NpzDataset, ChecksALargeArrayBeforeItIsUsed) {
  const Folder folder;
  const auto path = folder.path() / "nan.npz";
  write_npz(path, two_samples({1, 2, 3, 4, NAN, 6}));
  EXPECT_NE(message_of([&] { hone::npz(path, {.most_bytes = 16}); }).find("in sample 1 at 1"),
            std::string::npos);
}

TEST(Npy, ReadsVersions2And3) {
  const std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n";
  for (const char version : {'\1', '\2', '\3'}) {
    EXPECT_EQ(npy(npy_bytes(header, std::string("\1\0\xff\xff", 4), version)).to_ints(),
              (std::vector<std::int64_t>{1, -1}));
  }
}

TEST(Npy, TakesAnyOtherByteThanZeroForTrue) {
  const Tensor t =
      npy(npy_bytes("{'descr':'|b1','fortran_order':False,'shape':(2,)}", std::string("\0\7", 2)));
  EXPECT_EQ(t.to_ints(), (std::vector<std::int64_t>{0, 1}));
}

TEST(Npy, RefusesWhatItDoesNotUnderstand) {
  struct Row {
    std::string header, values, message;
  };
  const Row rows[] = {
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "1234", ">f4"},
      {"{'descr': '<U3', 'fortran_order': False, 'shape': (), }", "123412341234", "<U3"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (), }", "", "|O"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "1234", "expected"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "12345", "got 5"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "", "a dimension"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1e9,), }", "", "expected )"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "",
       "got 0"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "", "dim"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "1234", "8 dim"},
      {"{'descr': '<f4', 'fortran_order': 1, 'shape': (1,), }", "1234", "False"},
      {"{'descr': '<f4', 'shape': (1,), }", "1234", "fortran_order"},
      {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }", "1234", "once"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } 1", "1234", "nothing after"},
      {"{'descr", "", "a string"},
      {"", "", "expected {"},
  };
  for (const Row& row : rows) {
    const std::string message = message_of([&] { npy(npy_bytes(row.header, row.values)); });
    EXPECT_NE(message.find(row.message), std::string::npos) << row.header << " gave: " << message;
  }
}

TEST(Npy, EscapesWhatItQuotesFromAFile) {
  const std::string header = "{'descr': '\x1b[31m', 'fortran_order': False, 'shape': (), }";
  const std::string message = message_of([&] { npy(npy_bytes(header, "")); });
  EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
}

TEST(Npy, HeaderIsPaddedTo64Bytes) {
  for (std::int64_t d = 1; d < 1'000'000'000'000'000; d *= 10) {
    const std::string header = npy_header(TensorType(DType::float32, Shape{d, 1}), "");
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(header.back(), '\n');
  }
}

}  // namespace
}  // namespace hone
