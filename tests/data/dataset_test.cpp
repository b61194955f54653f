#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/error.h>

#include "src/data/npz.h"
#include "src/tensor/random.h"
#include "tests/data/files.h"

namespace hone {
namespace {

using testing_data::fixture;
using testing_data::Folder;
using testing_data::message_of;
using testing_data::shared;
using testing_data::values;
using testing_data::write;

/// x (n, 2) that counts, labels i % classes.
Dataset counting(std::size_t n, std::int32_t classes = 3) {
  std::vector<float> x(2 * n);
  std::iota(x.begin(), x.end(), 0.0f);
  std::vector<std::int32_t> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<std::int32_t>(i) % classes;
  const auto rows = static_cast<std::int64_t>(n);
  return Dataset(Tensor::of<float>({rows, 2}, std::span<const float>(x)),
                 Tensor::of<std::int32_t>({rows}, std::span<const std::int32_t>(y)));
}

TEST(Dataset, GivesLabelsAlone) {
  const std::vector<std::size_t> some{4, 0, 2};
  const Tensor labels = counting(6).labels(some);
  EXPECT_EQ(labels.shape(), Shape({3}));
  EXPECT_EQ(labels.to_ints(), (std::vector<std::int64_t>{1, 0, 2}));
  EXPECT_THROW(counting(6).labels(std::vector<std::size_t>{6}), Error);
}

TEST(Random, EqualsTheKnownAnswersOfPhilox) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({}, {}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Dataset, OrderIsAPermutation) {
  std::vector<std::size_t> order = counting(1000).order(1, 2);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
}

TEST(Dataset, OrderIsTheSameOnEveryMachine) {
  EXPECT_EQ(counting(8).order(7, 0), shuffled(8, 7, 0));
  EXPECT_EQ(shuffled(8, 7, 0), (std::vector<std::size_t>{3, 6, 0, 4, 1, 7, 5, 2}));
}

TEST(Dataset, OrderDependsOnSeedAndEpoch) {
  const Dataset data = counting(100);
  EXPECT_NE(data.order(1, 0), data.order(2, 0));
  EXPECT_NE(data.order(1, 0), data.order(1, 1));
}

TEST(Dataset, ShufflesEveryPlaceAlike) {
  // 6 places, 60,000 shuffles: each value stands at each place 10,000 times, deviation 91
  std::array<std::array<int, 6>, 6> count{};
  for (std::uint64_t epoch = 0; epoch < 60'000; ++epoch) {
    const std::vector<std::size_t> order = shuffled(6, 3, epoch);
    for (std::size_t i = 0; i < 6; ++i) ++count[i][order[i]];
  }
  for (const auto& place : count) {
    for (const int n : place) EXPECT_NEAR(n, 10'000, 500);
  }
}

TEST(Dataset, BatchesHoldEverySampleOnceAndTheLastIsShort) {
  const Dataset data = counting(10);
  std::multiset<float> seen;
  std::vector<std::int64_t> sizes;
  for (const auto& [x, labels] : data.batches(4, 1)) {
    sizes.push_back(x.shape()[0]);
    EXPECT_EQ(labels.shape(), Shape{x.shape()[0]});
    for (std::int64_t i = 0; i < x.shape()[0]; ++i) {
      const float first = x.data<float>()[static_cast<std::size_t>(2 * i)];
      seen.insert(first);
      EXPECT_EQ(labels.data<std::int32_t>()[static_cast<std::size_t>(i)],
                static_cast<int>(first) / 2 % 3);
    }
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{4, 4, 2}));
  EXPECT_EQ(seen, (std::multiset<float>{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}));
}

TEST(Dataset, BatchesWithoutASeedKeepTheOrder) {
  std::vector<float> all;
  for (const auto& [x, labels] : counting(5).batches(2)) {
    const std::vector<float> v = values(x);
    all.insert(all.end(), v.begin(), v.end());
  }
  EXPECT_EQ(all, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(Dataset, SubsetTakesTheSamplesNamed) {
  const std::size_t indices[] = {4, 1};
  const Dataset data = counting(5).subset(indices);
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(values(data.x(0)), (std::vector<float>{8, 9}));
  EXPECT_EQ(data.label(1), 1);
  EXPECT_THROW(data.label(2), Error);
}

TEST(Dataset, KeepsIntegersAsTheyAre) {
  const Dataset data(Tensor::of<std::int8_t>({2, 2}, {1, -2, 3, -4}));
  EXPECT_EQ(data.dtype(), DType::int8);
  EXPECT_EQ(data.target(), Target::input);
  EXPECT_EQ(data.x(1).to_ints(), (std::vector<std::int64_t>{3, -4}));
}

TEST(Dataset, TakesFloatsForTargets) {
  const Dataset data(Tensor::of<double>({2, 1}, {1, 2}),
                     Tensor::of<double>({2, 2}, {1, 2, 3, 4.5}));
  EXPECT_EQ(data.target(), Target::values);
  EXPECT_EQ(data.dtype(), DType::float32);
  EXPECT_EQ(values(data.batches(2)[0].labels), (std::vector<float>{1, 2, 3, 4.5}));
}

TEST(Dataset, RefusesWhatCannotBeLearntFrom) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::of<float>({2, 1}, {1, 2});
  const auto says = [](const std::string& text, const auto& call) {
    const std::string message = message_of(call);
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  says("expected x of shape (samples, ...)", [] { Dataset data{Tensor()}; });
  says("expected x of shape (samples, ...)", [] { Dataset(Tensor::of<float>({0, 3}, {})); });
  says("expected y of 2 samples as x has", [&] { Dataset(x, Tensor::of<std::int32_t>({1}, {0})); });
  says("expected finite numbers in x, got nan in sample 1 at 0", [&] {
    Dataset(Tensor::of<float>({2, 1}, {1, nan}));
  });
  says("expected finite numbers in y, got inf", [&] {
    Dataset(x, Tensor::of<double>({2}, {1e300, 0}));
  });
  says("got -1 at 1", [&] { Dataset(x, Tensor::of<std::int64_t>({2}, {0, -1})); });
  says("expected labels from 0 to 1, got 2 at 0", [&] {
    Dataset(x, Tensor::of<std::int64_t>({2}, {2, 1}), {"a", "b"});
  });
  says("expected one class a sample", [&] { Dataset(x).label(0); });
  says("expected a batch of 1 or more", [&] { Dataset(x).batches(0); });
}

TEST(Split, StratifiedKeepsTheShareOfEveryClass) {
  const auto [first, second] = counting(90).split(0.8, 5);
  EXPECT_EQ(first.size(), 72u);
  EXPECT_EQ(second.size(), 18u);
  std::array<int, 3> count{};
  for (std::size_t i = 0; i < first.size(); ++i) ++count[static_cast<std::size_t>(first.label(i))];
  EXPECT_EQ(count, (std::array<int, 3>{24, 24, 24}));
  EXPECT_NE(values(counting(90).split(0.8, 6).second.x(0)), values(second.x(0)));
}

TEST(Split, StratifiedGivesBothPartsASampleOfEveryClass) {
  const auto [first, second] = counting(6).split_stratified(0.99);
  EXPECT_EQ(first.distinct_labels(), 3u);
  EXPECT_EQ(second.distinct_labels(), 3u);
}

TEST(Split, ByTimeLeavesOutWhatOverlaps) {
  const Folder folder;
  std::string text = "t,x,label\n";
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + ",1,A\n";
  write(folder.path() / "a.csv", text);
  const Dataset data = csv(folder.path(), {.length = 10, .stride = 5, .min_classes = 1});
  const auto [first, second] = data.split(0.5);
  std::int64_t last = 0;
  for (std::size_t i = 0; i < first.size(); ++i) last = std::max(last, first.origin(i).end);
  for (std::size_t i = 0; i < second.size(); ++i) EXPECT_GE(second.origin(i).begin, last);
  EXPECT_EQ(first.size(), 10u);  // 0, 5, ..., 45 of 91 possible windows
  EXPECT_EQ(second.size(), 7u);  // 60, ..., 90
}

TEST(Split, ByRecordingKeepsRecordingsWhole) {
  const Folder folder;
  for (int i = 0; i < 10; ++i) {
    const char c = static_cast<char>('A' + i % 2);
    write(folder.path() / (std::to_string(i) + ".csv"),
          std::string("t,x,label\n0,1,") + c + "\n1,2," + c + '\n');
  }
  const auto [first, second] = csv(folder.path()).split_by_recording(0.7, 1);
  EXPECT_EQ(first.size(), 14u);
  std::set<std::size_t> in_first;
  for (std::size_t i = 0; i < first.size(); ++i) in_first.insert(first.origin(i).recording);
  for (std::size_t i = 0; i < second.size(); ++i) {
    EXPECT_FALSE(in_first.contains(second.origin(i).recording));
  }
}

TEST(Split, RefusesAnEmptyPart) {
  EXPECT_THROW(counting(3).split(0), Error);
  EXPECT_THROW(counting(3).split(1), Error);
  EXPECT_THROW(counting(3).split(std::nan("")), Error);
  EXPECT_THROW(counting(3).split_by_recording(0.5), Error);
  EXPECT_THROW(counting(1).split(0.5), Error);
}

TEST(Normalization, IsMeanAndDeviationOfEveryChannel) {
  const Dataset data(Tensor::of<float>({2, 2, 2}, {1, 1000, 2, 1000, 3, 1000, 6, 1000}));
  const Normalization n = data.measure_normalization();
  EXPECT_EQ(n.mean, (std::vector<float>{3, 1000}));
  EXPECT_FLOAT_EQ(n.deviation[0], std::sqrt(3.5f));
  EXPECT_EQ(n.deviation[1], 1);
}

TEST(Normalization, SurvivesLargeMeans) {
  const Dataset data(Tensor::of<float>({2, 1}, {16777214, 16777216}));
  EXPECT_EQ(data.measure_normalization().deviation[0], 1);
}

TEST(Normalization, IsAppliedAsSamplesAreRead) {
  const Dataset raw(Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  const Dataset data = raw.normalized({{1, 2}, {2, 4}});
  EXPECT_EQ(values(data.x(1)), (std::vector<float>{1, 0.5f}));
  EXPECT_EQ(values(raw.x(1)), (std::vector<float>{3, 4}));
  EXPECT_EQ(values(data.split(0.5).first.x(0)).size(), 2u);
  EXPECT_THROW(data.normalized({{1, 2}, {2, 4}}), Error);
}

TEST(Normalization, RefusesAnotherWidth) {
  const Dataset data(Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(message_of([&] {
              data.normalized({{1}, {1}});
            }),
            "[dataset] expected 2 channels as the samples have, got 1 means and 1 deviations");
}

TEST(Normalization, RefusesIntegers) {
  EXPECT_THROW(Dataset(Tensor::of<std::int8_t>({1, 1}, {1})).normalized({{1}, {1}}), Error);
}

TEST(Normalization, TextGivesTheSameBits) {
  const Normalization n{{0.1f, -1e-30f, 3e38f}, {1.0f / 3, 1e-38f, 7}};
  EXPECT_EQ(Normalization::parse(n.to_text()), n);
}

TEST(Normalization, RefusesTextItDidNotWrite) {
  for (const char* text :
       {"", "{", "[]", "{\"version\":2,\"mean\":[0],\"std\":[1]}", "{\"version\":1,\"mean\":[0]}",
        "{\"version\":1,\"mean\":[0],\"std\":[1,2]}", "{\"version\":1,\"mean\":[0],\"std\":[0]}",
        "{\"version\":1,\"mean\":[],\"std\":[]}", "{\"version\":1,\"mean\":[\"0\"],\"std\":[1]}",
        "{\"version\":1,\"mean\":[1e300],\"std\":[1]}"}) {
    EXPECT_THROW(Normalization::parse(text), Error) << text;
  }
}

TEST(Sidecar, GivesWhatTheFileHolds) {
  const Folder folder;
  const auto path = folder.path() / "m.json";
  write(path, R"({"labels": ["A", "B"], "columns": ["x"], "rate_hz": 50, "window": 100,
                  "stride": 50, "mean": [1.5], "std": [2], "other": {"deep": [1]}})");
  const Sidecar s = read_sidecar(path);
  EXPECT_EQ(s.labels, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(s.columns, std::vector<std::string>{"x"});
  EXPECT_EQ(s.rate_hz, 50);
  EXPECT_EQ(s.window, 100);
  EXPECT_EQ(s.stride, 50);
  EXPECT_EQ(s.normalization, (Normalization{{1.5f}, {2}}));
}

TEST(Sidecar, NamesTheKeyThatIsWrong) {
  const Folder folder;
  const auto path = folder.path() / "m.json";
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"{", "m.json] expected JSON"},
           {"[]", "expected a JSON object"},
           {R"({"labels": 3})", "labels"},
           {R"({"labels": [3]})", "labels"},
           {R"({"window": 0})", "window"},
           {R"({"window": 1.5})", "window"},
           {R"({"mean": [1]})", "std"},
           {R"({"mean": [1], "std": [1], "columns": ["x", "y"]})", "expected 2 channels"}}) {
    write(path, text);
    const std::string got = message_of([&] { read_sidecar(path); });
    EXPECT_NE(got.find(message), std::string::npos) << got;
  }
  EXPECT_THROW(read_sidecar(folder.path()), Error);
}

TEST(Shared, EverySidecarIsReadable) {
  for (const char* folder : {"models/har", "models/fan", "models/spoken"}) {
    if (!std::filesystem::exists(shared() / folder)) GTEST_SKIP() << shared() << " is not there";
    for (const auto& file : std::filesystem::directory_iterator(shared() / folder)) {
      const std::string name = file.path().filename().string();
      if (!name.ends_with(".json") || name.ends_with("results.json")) continue;
      EXPECT_EQ(message_of([&] { read_sidecar(file.path()); }), "no error") << file.path();
    }
  }
}

TEST(NpzDataset, ReadsXAndY) {
  const Folder folder;
  const auto path = folder.path() / "d.npz";
  write_npz(path, {{"x", Tensor::of<float>({2, 2}, {1, 2, 3, 4})},
                   {"y", Tensor::of<std::int64_t>({2, 1}, {1, 0})},
                   {"more", Tensor::of<float>({1}, {0})}});
  const Dataset data = npz(path);
  EXPECT_EQ(data.target(), Target::classes);
  EXPECT_EQ(data.label(0), 1);
  EXPECT_EQ(values(data.x(1)), (std::vector<float>{3, 4}));
}

TEST(NpzDataset, NamesTheFileWithWhatIsWrong) {
  const Folder folder;
  const auto path = folder.path() / "d.npz";
  const Tensor x = Tensor::of<float>({2, 1}, {1, 2});
  for (const auto& [arrays, message] : std::vector<std::pair<Arrays, std::string>>{
           {{{"z", x}}, "expected an array \"x\", got z"},
           {{{"x", x}, {"y", Tensor::of<std::int64_t>({2}, {4, 4})}}, "all 2 are 4"},
           {{{"x", x}, {"y", Tensor::of<std::int64_t>({1}, {4})}}, "expected y of 2 samples"}}) {
    write_npz(path, arrays);
    const std::string got = message_of([&] { npz(path); });
    EXPECT_NE(got.find("d.npz"), std::string::npos) << got;
    EXPECT_NE(got.find(message), std::string::npos) << got;
  }
}

}  // namespace
}  // namespace hone
