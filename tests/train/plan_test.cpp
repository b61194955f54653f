/// What plan() promises, training keeps: to the byte, for what the model takes from its memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/model.h>
#include <hone/optim.h>
#include <hone/train.h>

#include "src/tensor/model_memory.h"
#include "tests/train/noise.h"

namespace hone::tests {
namespace {

std::string path(const char* file) { return std::string(HONE_SOURCE_ROOT "/tests/models/") + file; }

/// Counts what is asked of it.
class Counter final : public std::pmr::memory_resource {
 public:
  std::size_t peak = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    now_ += bytes;
    peak = std::max(peak, now_);
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
    now_ -= bytes;
    std::pmr::new_delete_resource()->deallocate(pointer, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  std::size_t now_ = 0;
};

struct PlanCase {
  const char* file;
  PlanOptions options;
};

std::ostream& operator<<(std::ostream& out, const PlanCase& c) {
  return out << c.file << ' ' << c.options.train.text << " batch " << c.options.batch;
}

Report train(Model& model, const PlanOptions& o, std::int64_t samples, float lr = 0) {
  model.recompute(o.recompute);
  const Dataset data = noise(model, samples);
  const Parameters parameters = model.trainable(o.train, o.weights);
  const auto optimizer = make_optimizer(o.optimizer, parameters, lr);
  return fit(model, *optimizer, data,
             {.epochs = 2, .batch = o.batch, .micro_batch = o.micro_batch, .fused = o.fused});
}

class Plan : public testing::TestWithParam<PlanCase> {};

TEST_P(Plan, IsWhatTrainingTakes) {
  const auto& [file, o] = GetParam();
  const Model shown = Model::load(path(file));
  const MemoryPlan promise = plan(shown, o);
  Counter counter;
  std::size_t reported = 0;
  {
    Model model =
        Model::load(path(file), {.memory = &counter, .keep_packed_weights = o.keep_packed_weights});
    reported = train(model, o, 20).peak_bytes;
  }
  EXPECT_EQ(promise.peak_bytes, counter.peak);
  EXPECT_EQ(promise.peak_bytes, reported);
  EXPECT_GE(promise.step_bytes, promise.least_step_bytes);
  EXPECT_LE(static_cast<double>(promise.step_bytes),
            1.05 * static_cast<double>(promise.least_step_bytes));
}

TEST_P(Plan, AddsUpByOperatorAndCause) {
  const auto& [file, o] = GetParam();
  const MemoryPlan promise = plan(Model::load(path(file)), o);
  std::size_t sum = 0;
  for (const OperatorMemory& m : promise.operators) sum += m.total();
  EXPECT_EQ(sum, promise.kept_bytes + promise.least_step_bytes);
  EXPECT_EQ(promise.peak_bytes, promise.kept_bytes + promise.step_bytes);
}

TEST_P(Plan, FitsAnArenaOfItsSizeAndNotOneAnEighthSmaller) {
  const auto& [file, o] = GetParam();
  const MemoryPlan promise = plan(Model::load(path(file)), o);
  std::vector<std::byte> exact(promise.arena_bytes), less(promise.arena_bytes * 7 / 8);
  Arena fits{exact}, too_small{less};
  const ModelOptions options{.memory = &fits, .keep_packed_weights = o.keep_packed_weights};
  {
    Model model = Model::load(path(file), options);
    train(model, o, 20);
  }
  try {
    ModelOptions small = options;
    small.memory = &too_small;
    Model model = Model::load(path(file), small);
    train(model, o, 20);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::memory);
  }
}

TEST_P(Plan, LeavesTheBitsOfTrainingOnTheHeap) {
  const auto& [file, o] = GetParam();
  PlanOptions plain = o;
  plain.fused = false;
  plain.recompute.clear();
  const auto trained = [&](const PlanOptions& options, std::pmr::memory_resource* memory) {
    Model model = Model::load(
        path(file), {.memory = memory, .keep_packed_weights = options.keep_packed_weights});
    train(model, options, 20);
    return model.bytes();
  };
  plain.keep_packed_weights = true;
  EXPECT_TRUE(trained(o, default_memory()) == trained(plain, std::pmr::new_delete_resource()));
}

constexpr TrainOptions in_place{.update = Update::in_place};
INSTANTIATE_TEST_SUITE_P(
    Of, Plan,
    testing::Values(
        PlanCase{"har_watch_float32.tflite", {.batch = 16}},
        PlanCase{"har_watch_float32.tflite", {.batch = 6, .micro_batch = 4, .optimizer = "sgd"}},
        PlanCase{"har_watch_float32.tflite", {.batch = 1, .fused = true}},
        PlanCase{"har_watch_float32.tflite", {.batch = 8, .train = {"last:1"}}},
        PlanCase{"har_watch_float32.tflite",
                 {.batch = 8, .train = {"bias"}, .optimizer = "momentum"}},
        PlanCase{"har_watch_float16.tflite", {.batch = 4}},
        PlanCase{"har_watch_int8.tflite", {.batch = 8}},
        PlanCase{"har_watch_int8.tflite",
                 {.batch = 8, .weights = {.scales = Scales::refresh}, .optimizer = "momentum"}},
        PlanCase{"har_watch_int8.tflite",
                 {.batch = 1,
                  .weights = in_place,
                  .optimizer = "sgd",
                  .fused = true,
                  .keep_packed_weights = false}}));

// MAX_POOL_2D alone; with the convolutions before, so that the whole chain up to the last is run
// again; the weights as float32, too
INSTANTIATE_TEST_SUITE_P(
    Recomputing, Plan,
    testing::Values(
        PlanCase{"har_watch_float32.tflite", {.batch = 16, .recompute = {2, 4}}},
        PlanCase{"har_watch_float32.tflite",
                 {.batch = 6, .micro_batch = 4, .optimizer = "sgd", .recompute = {1, 2, 3, 4}}},
        PlanCase{"har_watch_float32.tflite",
                 {.batch = 1, .fused = true, .recompute = {0, 1, 2, 3, 5}}},
        PlanCase{"har_watch_float32.tflite",
                 {.batch = 8, .train = {"last:2"}, .recompute = {1, 3, 4, 5, 6}}},
        PlanCase{"har_watch_float16.tflite", {.batch = 4, .recompute = {3, 4, 5, 10, 11}}},
        PlanCase{"har_watch_int8.tflite",
                 {.batch = 8, .weights = {.scales = Scales::refresh}, .recompute = {2, 3, 4}}},
        PlanCase{"har_watch_int8.tflite",
                 {.batch = 1,
                  .weights = in_place,
                  .optimizer = "sgd",
                  .fused = true,
                  .keep_packed_weights = false,
                  .recompute = {1, 2, 4, 5}}}));

class Recomputing : public testing::TestWithParam<const char*> {};

TEST_P(Recomputing, IsChosenWhereItLowersThePeak) {
  const Model model = Model::load(path(GetParam()));
  PlanOptions options{.batch = 16, .micro_batch = 16, .optimizer = "sgd"};
  const std::size_t without = plan(model, options).peak_bytes;
  options.recompute = choose_recomputed(model, options);
  const MemoryPlan chosen = plan(model, options);
  ASSERT_FALSE(options.recompute.empty());
  ASSERT_EQ(chosen.recomputed.size(), options.recompute.size());
  std::size_t saved = 0;
  for (std::size_t i = 0; i < chosen.recomputed.size(); ++i) {
    EXPECT_EQ(chosen.recomputed[i].op, options.recompute[i]);
    EXPECT_GT(chosen.recomputed[i].saved_bytes, 0);
    saved += static_cast<std::size_t>(chosen.recomputed[i].saved_bytes);
    const Operator& op = model.operators()[options.recompute[i]];
    EXPECT_NE(op.type(), "FULLY_CONNECTED");
    if (op.type() == "CONV_2D") {  // of few inputs only
      const Shape w = model.tensors()[static_cast<std::size_t>(op.inputs[1])].type.shape;
      EXPECT_LE(w[1] * w[2] * w[3], 32);
    }
  }
  EXPECT_EQ(chosen.peak_bytes + saved, without);
}

TEST_P(Recomputing, StopsAtTheBudget) {
  const Model model = Model::load(path(GetParam()));
  const PlanOptions options{.batch = 16, .micro_batch = 16, .optimizer = "sgd"};
  const std::size_t without = plan(model, options).peak_bytes;
  EXPECT_TRUE(choose_recomputed(model, options, without).empty());
  EXPECT_EQ(choose_recomputed(model, options, without - 1).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Of, Recomputing,
                         testing::Values("har_watch_float32.tflite", "har_watch_float16.tflite",
                                         "har_watch_int8.tflite"));

TEST(Recompute, RefusesAnOperatorThatIsNotThere) {
  Model model = Model::load(path("har_watch_float32.tflite"));
  model.recompute({3, 1});
  EXPECT_THROW(model.recompute({99}), Error);
  EXPECT_EQ(model.recomputed(), (std::vector<std::size_t>{1, 3})) << "a refusal has changed it";
  model.recompute({});
  EXPECT_TRUE(model.recomputed().empty());
}

TEST(Propose, ComputesAgainWhereNothingElseFits) {
  const Model model = Model::load(path("har_watch_float32.tflite"));
  const PlanOptions options{.batch = 8, .optimizer = "sgd"};
  PlanOptions least = options;
  least.micro_batch = least.lanes = 1;
  least.keep_packed_weights = false;
  const std::size_t budget = plan(model, least).peak_bytes - 1;
  bool found = false;
  for (const Proposal& p : propose(model, options, budget)) {
    EXPECT_LE(p.plan.peak_bytes, budget);
    if (p.options.train.text != "all") continue;
    found = true;
    EXPECT_FALSE(p.options.recompute.empty());
  }
  EXPECT_TRUE(found);
}

TEST(Propose, GivesWhatFitsBestFirst) {
  const Model model = Model::load(path("har_watch_int8.tflite"));
  const PlanOptions options{.batch = 8, .weights = in_place};
  const MemoryPlan all = plan(model, options);
  const std::size_t budget = all.peak_bytes / 2;
  const Dataset data = noise(model, 8);
  const std::vector<Proposal> list = propose(model, options, budget, &data);
  ASSERT_FALSE(list.empty());
  for (const Proposal& p : list) {
    EXPECT_LE(p.plan.peak_bytes, budget);
    EXPECT_EQ(p.plan.peak_bytes, plan(model, p.options).peak_bytes);
    EXPECT_LE(p.score, list.front().score);
  }
  EXPECT_TRUE(propose(model, options, 1000).empty());
}

TEST(Fit, OfATooSmallArenaSaysWhatIsNeededAndWhatFits) {
  // room for the weights and the slots, not for the steps
  const PlanOptions whole{.batch = 8};
  const Model shown = Model::load(path("har_watch_float32.tflite"));
  const MemoryPlan need = plan(shown, whole);
  std::vector<std::byte> bytes(need.arena_bytes * 3 / 4);
  Arena arena{bytes};
  Model model = Model::load(path("har_watch_float32.tflite"), {.memory = &arena});
  const Dataset data = noise(model, 8);
  try {
    Adam optimizer(model.trainable(all()));
    fit(model, optimizer, data, {.batch = 8});
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::memory);
    const std::string need_said = "expected an arena of " + std::to_string(need.arena_bytes);
    EXPECT_NE(error.message().find(need_said), std::string::npos) << error.what();
    EXPECT_NE(error.message().find("; what fits: "), std::string::npos) << error.what();
  }
}

// The proof that samples do not mix runs once, dry, before the first larger batch.
TEST(StepPlan, OfABatchHoldsNothingOfItsProof) {
  std::vector<std::size_t> bytes;
  for (const bool proved : {true, false}) {
    Model model = Model::load(HONE_SOURCE_ROOT "/tests/models/har_watch_int8.tflite");
    EXPECT_TRUE(!proved || model.can_batch(2));
    const NoGrad no_grad;
    model(Variable(Tensor::zeros(TensorType(DType::float32, {2, 100, 6}))));
    std::size_t most = 0, events = 0;
    for (const auto& [key, plan] : model.memory().plans()) {
      most = std::max(most, plan->bytes);
      events = std::max(events, plan->events.size());
    }
    bytes.push_back(most);
    bytes.push_back(events);
  }
  EXPECT_GT(bytes[0], 0u);
  EXPECT_EQ(bytes[0], bytes[2]);
  EXPECT_EQ(bytes[1], bytes[3]);
}

}  // namespace
}  // namespace hone::tests
