/// The halves of a step's micro-batches give the same bits one after the other and at once.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/model.h>
#include <hone/optim.h>
#include <hone/threads.h>
#include <hone/train.h>

#include "tests/train/noise.h"

namespace hone::tests {
namespace {

struct Threads {
  explicit Threads(std::size_t n) { set_threads(n); }
  ~Threads() { set_threads(1); }
};

Model load(const std::string& file) {
  return Model::load(HONE_SOURCE_ROOT "/tests/models/" + file);
}

struct LanesCase {
  const char* file;
  Selector train;
  TrainOptions weights;
};

std::ostream& operator<<(std::ostream& out, const LanesCase& c) {
  return out << c.file << ' ' << c.train.text;
}

std::vector<std::byte> trained(const LanesCase& c, std::size_t threads, std::size_t lanes = 2) {
  const Threads guard(threads);
  Model model = load(c.file);
  Adam optimizer(model.trainable(c.train, c.weights));
  // 22 samples: the last batch has three micro-batches of which the last is short
  fit(model, optimizer, noise(model, 22),
      {.epochs = 2, .batch = 12, .micro_batch = 4, .lanes = lanes});
  return model.bytes();
}

class Lanes : public testing::TestWithParam<LanesCase> {};

TEST_P(Lanes, GiveTheSameBitsWithAnyNumberOfThreads) {
  const std::vector<std::byte> one = trained(GetParam(), 1);
  EXPECT_TRUE(one == trained(GetParam(), 2));
  EXPECT_TRUE(one == trained(GetParam(), 3));
}

TEST_P(Lanes, MayBeOne) {
  const std::vector<std::byte> one = trained(GetParam(), 1, 1);
  EXPECT_TRUE(one == trained(GetParam(), 2, 1));
}

INSTANTIATE_TEST_SUITE_P(
    Of, Lanes,
    testing::Values(LanesCase{"har_watch_float32.tflite", all(), {}},
                    LanesCase{"har_watch_float32.tflite", last(1), {}},
                    LanesCase{"har_watch_float16.tflite", all(), {}},
                    LanesCase{"har_watch_int8.tflite", all(), {}},
                    LanesCase{"har_watch_int8.tflite", all(), {.scales = Scales::refresh}},
                    LanesCase{"har_watch_int8.tflite", biases(), {.update = Update::in_place}},
                    LanesCase{"har_watch_int8.tflite", all(), {.update = Update::in_place}}));

TEST(Lane, ThatFailsLeavesTheWeightsAsTheyWere) {
  const Threads guard(2);
  Model model = load("har_watch_float32.tflite");
  const std::vector<std::byte> before = model.bytes();
  Sgd optimizer(model.trainable(all()), {.lr = 0.01f});
  const Dataset data = noise(model, 8, 3e38f);  // products overflow
  EXPECT_THROW(fit(model, optimizer, data, {.epochs = 1, .batch = 8, .micro_batch = 2}), Error);
  EXPECT_TRUE(before == model.bytes());
  for (const auto& parameter : optimizer.parameters()) EXPECT_FALSE(parameter->grad());
}

TEST(Lane, CountsAreChecked) {
  Model model = load("har_watch_float32.tflite");
  Sgd optimizer(model.trainable(all()), {.lr = 0.01f});
  EXPECT_THROW(fit(model, optimizer, noise(model, 8), {.lanes = 3}), Error);
}

}  // namespace
}  // namespace hone::tests
