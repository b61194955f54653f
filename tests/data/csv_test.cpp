#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/error.h>

#include "tests/data/files.h"

namespace hone {
namespace {

using testing_data::bytes_of;
using testing_data::Folder;
using testing_data::message_of;
using testing_data::shared;
using testing_data::values;
using testing_data::write;

/// A file of `rows` rows with one channel that counts from `first`.
std::string counting(std::size_t rows, const std::string& label, int first = 0) {
  std::string out = "timestamp_ms,ax,label\n";
  for (std::size_t i = 0; i < rows; ++i) {
    out += std::to_string(i * 20) + ',' + std::to_string(first + static_cast<int>(i)) + ',' +
           label + '\n';
  }
  return out;
}

TEST(Csv, CutsWindowsOfLengthAndStride) {
  const Folder folder;
  write(folder.path() / "a.csv", counting(7, "A"));
  write(folder.path() / "b.csv", counting(3, "B", 100));
  const Dataset data = csv(folder.path(), {.length = 3, .stride = 2});
  ASSERT_EQ(data.size(), 4u);
  EXPECT_EQ(data.shape(), (Shape{3, 1}));
  EXPECT_EQ(data.dtype(), DType::float32);
  EXPECT_EQ(values(data.x(0)), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(values(data.x(2)), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(values(data.x(3)), (std::vector<float>{100, 101, 102}));
  EXPECT_EQ(data.label(2), 0);
  EXPECT_EQ(data.label(3), 1);
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(data.recordings(), (std::vector<std::string>{"a.csv", "b.csv"}));
  EXPECT_EQ(data.origin(2).begin, 4);
  EXPECT_EQ(data.origin(2).end, 7);
  EXPECT_EQ(data.origin(2).rows, 7);
}

TEST(Csv, TakesEveryRowForASampleWithoutALength) {
  const Folder folder;
  write(folder.path() / "a.csv", "t,x,y,label\n0,1,2,A\n1,3,4,B\n");
  const Dataset data = csv(folder.path() / "a.csv");
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(data.shape(), Shape{2});
  EXPECT_EQ(values(data.x(1)), (std::vector<float>{3, 4}));
}

TEST(Csv, CrossesNoChangeOfLabel) {
  const Folder folder;
  std::string text = "t,x,label\n";
  for (int i = 0; i < 10; ++i) {
    text += std::to_string(i) + ',' + std::to_string(i) + (i < 5 ? ",A\n" : ",B\n");
  }
  write(folder.path() / "a.csv", text);
  const Dataset data = csv(folder.path() / "a.csv", {.length = 3, .stride = 1});
  ASSERT_EQ(data.size(), 6u);
  EXPECT_EQ(values(data.x(2)), (std::vector<float>{2, 3, 4}));
  EXPECT_EQ(values(data.x(3)), (std::vector<float>{5, 6, 7}));
}

TEST(Csv, CrossesNoChangeOfGroup) {
  const Folder folder;
  write(folder.path() / "a_A.csv", "t,x,segment\n0,0,0\n1,1,0\n2,2,1\n3,3,1\n");
  write(folder.path() / "a_B.csv", "t,x,segment\n0,0,0\n1,1,0\n");
  const Dataset data = csv(folder.path(), {.length = 2, .stride = 1, .group_column = "segment"});
  ASSERT_EQ(data.size(), 3u);
  EXPECT_EQ(values(data.x(1)), (std::vector<float>{2, 3}));
}

TEST(Csv, TakesTheLabelFromTheFileName) {
  const Folder folder;
  for (const char* name : {"s1_left_UP.csv", "s1_left_DOWN.csv"}) {
    write(folder.path() / name, "t,x\n0,1\n");
  }
  EXPECT_EQ(csv(folder.path()).classes(), (std::vector<std::string>{"DOWN", "UP"}));
  EXPECT_EQ(csv(folder.path(), {.file_pattern = "s1_@_*", .min_classes = 1}).classes(),
            (std::vector<std::string>{"left"}));
}

TEST(Csv, TakesTheLabelFromTheFolder) {
  const Folder folder;
  write(folder.path() / "up/1.csv", "t,x\n0,1\n");
  write(folder.path() / "down/1.csv", "t,x\n0,1\n");
  const Dataset data = csv(folder.path());
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"down", "up"}));
  EXPECT_EQ(data.recordings(), (std::vector<std::string>{"down/1.csv", "up/1.csv"}));
}

TEST(Csv, KeepsTheOrderOfKnownClasses) {
  const Folder folder;
  write(folder.path() / "a.csv", "t,x,label\n0,1,A\n1,2,C\n");
  const Dataset data = csv(folder.path() / "a.csv", {.classes = {"C", "B", "A"}});
  EXPECT_EQ(data.label(0), 2);
  EXPECT_EQ(data.label(1), 0);
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"C", "B", "A"}));
}

TEST(Csv, IsItsOwnTargetWithoutLabels) {
  const Folder folder;
  write(folder.path() / "a.csv", "t,x,y\n0,1,2\n1,3,4\n");
  const Dataset data = csv(folder.path() / "a.csv", {.label = LabelFrom::none});
  EXPECT_EQ(data.target(), Target::input);
  const Batch batch = data.batches(2)[0];
  EXPECT_EQ(values(batch.labels), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Csv, PicksColumnsByNameInTheOrderAskedFor) {
  const Folder folder;
  write(folder.path() / "a.csv", "x,y,z,time,label\n1,2,3,0,A\n4,5,6,1,B\n");
  const Dataset data = csv(folder.path(), {.columns = {"z", "x"}, .time_column = "time"});
  EXPECT_EQ(values(data.x(0)), (std::vector<float>{3, 1}));
}

TEST(Csv, FindsColumnsOfAnotherOrderByName) {
  const Folder folder;
  write(folder.path() / "1.csv", "t,x,y,label\n0,1,2,A\n");
  write(folder.path() / "2.csv", "t,y,x,label\n0,2,1,B\n");
  const Dataset data = csv(folder.path());
  EXPECT_EQ(values(data.x(0)), values(data.x(1)));
}

TEST(Csv, ReadsWindowsLineEndsQuotesSpacesAndSigns) {
  const Folder folder;
  write(folder.path() / "a.csv",
        "\xef\xbb\xbf\"t\",x,label\r\n0, +1.5e1 ,\"A, B\"\r\n1,-2,\"C \"\"D\"\"\"\r\n\r\n");
  const Dataset data = csv(folder.path() / "a.csv");
  EXPECT_EQ(values(data.x(0)), std::vector<float>{15});
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"A, B", "C \"D\""}));
}

TEST(Csv, RoundsNumbersToTheNearestFloat) {
  const Folder folder;
  write(folder.path() / "a.csv", "t,x,label\n0,0.1,A\n1,1e-60,B\n2,16777217.0000001,A\n");
  const Dataset data = csv(folder.path() / "a.csv");
  EXPECT_EQ(values(data.x(0)), std::vector<float>{0.1f});
  EXPECT_EQ(values(data.x(1)), std::vector<float>{0});
  EXPECT_EQ(values(data.x(2)), std::vector<float>{16777218.0f});
}

TEST(Csv, NamesFileAndLineOfWhatIsWrong) {
  struct Row {
    std::string text, message;
    CsvOptions options = {};
  };
  const std::string head = "t,x,y,label\n0,1,2,A\n1,3,4,B\n";
  const Row rows[] = {
      {"", "a.csv] expected a line of column names, the file is empty"},
      {"\n\n", "the file is empty"},
      {"t,x,y,label\n", "a.csv] expected rows below the column names, got 0"},
      {"0,1,2,3\n1,2,3,4\n", "a.csv:1] expected a line of column names, got \"0,1,2,3\""},
      {"t,x,x,label\n", "a.csv:1] expected column names of their own, got \"x\" in column 3"},
      {head + "2,5,6\n", "a.csv:4] expected 4 columns, got 3"},
      {head + "2,5,6,7,A\n", "a.csv:4] expected 4 columns, got 5"},
      {head + "\n2,5,6,A\n", "a.csv:4] expected 4 columns, got 1"},
      {head + "2,abc,6,A\n", "a.csv:4] expected a finite number in column \"x\", got \"abc\""},
      {head + "2,5,,A\n", "a.csv:4] expected a finite number in column \"y\", got \"\""},
      {head + "2,5,nan,A\n", "column \"y\", got \"nan\""},
      {head + "2,inf,6,A\n", "column \"x\", got \"inf\""},
      {head + "2,1e50,6,A\n", "column \"x\", got \"1e50\""},
      {head + "2,5 6,6,A\n", "column \"x\", got \"5 6\""},
      {head + "2,0x10,6,A\n", "column \"x\", got \"0x10\""},
      {head + "two,5,6,A\n", "column \"t\", got \"two\""},
      {head + "0.5,5,6,A\n", "a.csv:4] expected a time of 1 or later, got 0.5"},
      {head + "2,5,6,\n", "a.csv:4] expected a label that is not empty, got \"\""},
      {head + "2,5,6,C\n",
       "a.csv:4] expected a label among B, A, got \"C\"",
       {.classes = {"B", "A"}}},
      {head, "a.csv:1] expected a column \"z\", got t,x,y,label", {.columns = {"x", "z"}}},
      {head, "a.csv:1] column \"label\" is the label", {.columns = {"x", "label"}}},
      {head,
       "a.csv:1] expected a column \"what\"",
       {.label = LabelFrom::column, .label_column = "what"}},
      {head, "expected 5 rows of one label for a window, got at most 1", {.length = 5}},
      {head, "expected a file name like \"*_@\", got \"a\"", {.label = LabelFrom::file_name}},
      {"t,label\n0,A\n", "expected columns of numbers, got t,label"},
      {"t,x,label\n0,1,A\n1,2,A\n",
       "a.csv] expected samples of at least 2 classes, got 1: all 2 are \"A\""},
      {head, "expected length and stride", {.length = -1}},
      {head, "expected classes of different names", {.classes = {"A", "A"}}},
      {head, "expected a file pattern with one @", {.file_pattern = "*"}},
      {head + "2,\x1b[31m,6,A\n", "\\x1b[31m"},
      {head + "2,5,6,\x1b\n", "got \"\\x1b\"", {.classes = {"A", "B"}}},
  };
  const Folder folder;
  for (const Row& row : rows) {
    write(folder.path() / "a.csv", row.text);
    const std::string message = message_of([&] { csv(folder.path() / "a.csv", row.options); });
    EXPECT_NE(message.find(row.message), std::string::npos) << row.text << "\ngave: " << message;
  }
}

TEST(Csv, NamesWhatIsMissing) {
  const Folder folder;
  EXPECT_NE(message_of([&] { csv(folder.path() / "no.csv"); }).find("cannot open"),
            std::string::npos);
  EXPECT_NE(message_of([&] { csv(folder.path()); }).find("expected files *.csv"),
            std::string::npos);
}

TEST(Csv, RefusesAFileWithOtherColumnsThanTheFirst) {
  const Folder folder;
  write(folder.path() / "1.csv", "t,x,y,label\n0,1,2,A\n");
  for (const char* header : {"t,x,label", "t,x,y,z,label"}) {
    const std::string row = std::string(header) == "t,x,label" ? "0,1,B" : "0,1,2,3,B";
    write(folder.path() / "2.csv", std::string(header) + '\n' + row + '\n');
    EXPECT_NE(message_of([&] { csv(folder.path()); }).find("2.csv:1] expected"), std::string::npos);
  }
}

TEST(Csv, TakesOneClassWhereThatIsAskedFor) {
  const Folder folder;
  write(folder.path() / "a.csv", "t,x,label\n0,1,A\n");
  EXPECT_EQ(csv(folder.path(), {.min_classes = 1}).size(), 1u);
}

TEST(Csv, NeverCrashesOnATruncatedOrChangedFile) {
  const Folder folder;
  const std::string whole = "timestamp_ms,ax,ay,label\n0,1.5,-2e3,\"A\"\n20,3,4,B\n40,5,6,B\n";
  const auto load = [&](const std::string& text) {
    write(folder.path() / "a.csv", text);
    try {
      csv(folder.path() / "a.csv", {.length = 1});
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("a.csv"), std::string::npos);
    }
  };
  for (std::size_t n = 0; n < whole.size(); ++n) {
    load(whole.substr(0, n));
    for (const char c : {'\0', '"', ',', '\n', '\xff'}) {
      std::string changed = whole;
      changed[n] = c;
      load(changed);
    }
  }
}

/// The rule and the counts of the story "the watch moves to the other wrist" and its neighbour.
struct Story {
  std::string subject, arm;
  std::size_t tune, test;
};

class Watch : public ::testing::TestWithParam<Story> {};

TEST_P(Watch, HasTheWindowsThatKerasHad) {
  const Story& story = GetParam();
  const Folder folder;
  const auto examples = std::filesystem::path(HONE_SOURCE_ROOT) / "examples/data/watch";
  for (const auto& file : std::filesystem::directory_iterator(examples / story.subject)) {
    const std::string name = file.path().filename().string();
    if (name.find(story.arm) == std::string::npos) continue;
    write(folder.path() / name, bytes_of(file.path()));
  }
  const Dataset data = csv(folder.path(), {.length = 100, .stride = 50});
  EXPECT_EQ(data.shape(), (Shape{100, 6}));
  EXPECT_EQ(data.distinct_labels(), 7u);
  const auto [tune, test] = data.split_by_time(0.3);
  EXPECT_EQ(tune.size(), story.tune);
  EXPECT_EQ(test.size(), story.test);
}

INSTANTIATE_TEST_SUITE_P(Stories, Watch,
                         ::testing::Values(Story{"s02", "_", 165, 347}, Story{"s10", "_", 161, 330},
                                           Story{"s02", "left", 88, 186},
                                           Story{"s10", "left", 81, 167}),
                         [](const auto& row) {
                           return row.param.subject +
                                  (row.param.arm == "_" ? "BothArms" : "LeftArm");
                         });

TEST(Shared, WatchHasTheConstantsOfTheSidecar) {
  const auto watch = shared() / "data/watch";
  if (!std::filesystem::exists(watch)) GTEST_SKIP() << watch << " is not there";
  const Sidecar sidecar = read_sidecar(shared() / "models/har/har_watch.json");
  const Folder folder;
  for (const char* subject : {"s03", "s04", "s05", "s06", "s07", "s09"}) {
    std::filesystem::create_directory_symlink(watch / subject, folder.path() / subject);
    for (const auto& file : std::filesystem::directory_iterator(watch / subject)) {
      std::filesystem::create_symlink(file.path(), folder.path() / file.path().filename());
    }
  }
  const Dataset data = csv(folder.path(), {.length = sidecar.window,
                                           .stride = sidecar.stride,
                                           .classes = sidecar.labels,
                                           .columns = sidecar.columns});
  const Normalization measured = data.measure_normalization();
  // NumPy summed the 100,000 numbers of a channel one by one in float32
  for (std::size_t c = 0; c < 6; ++c) {
    EXPECT_NEAR(measured.mean[c], sidecar.normalization->mean[c], 3e-4);
    EXPECT_NEAR(measured.deviation[c], sidecar.normalization->deviation[c], 3e-4);
  }
}

TEST(Shared, EveryRecordingIsReadable) {
  const auto data = shared() / "data";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << data << " is not there";
  EXPECT_EQ(csv(data / "daily", {.length = 100, .stride = 50}).distinct_labels(), 5u);
  EXPECT_EQ(csv(data / "wand", {.has_time = false}).shape(), Shape{2});
  EXPECT_EQ(csv(data / "fan", {.length = 128, .stride = 32, .group_column = "segment"}).shape(),
            (Shape{128, 3}));
}

}  // namespace
}  // namespace hone
