#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/loss.h>
#include <hone/optim.h>

#include "tests/optim/feed.h"

namespace hone::tests {
namespace {

#include "tests/golden/optim.inc"

struct Pair {
  std::shared_ptr<Parameter> a, b;
  Parameters both() const { return Parameters({a, b}); }
};

Pair start() {
  const std::span<const float> w = recorded_start;
  return {parameter(Tensor::of<float>({2, 3}, w.first(6)), "a"),
          parameter(Tensor::of<float>({3}, w.subspan(6)), "b")};
}

void feed_both(const Pair& pair, std::size_t step) {
  const std::span<const float> grads = recorded_grads;
  feed(*pair.a, grads.subspan(step * 9, 6));
  feed(*pair.b, grads.subspan(step * 9 + 6, 3));
}

void expect_recorded(const std::string& name, const Pair& pair, Optimizer& optimizer) {
  const std::vector<float>& want = recorded_weights.at(name);
  for (std::size_t step = 0; step < recorded_steps; ++step) {
    feed_both(pair, step);
    optimizer.step();
    const std::vector<float> got = pair.both().get();
    // Both are float32; the orders of the roundings differ.
    for (std::size_t i = 0; i < 9; ++i)
      ASSERT_NEAR(got[i], want[step * 9 + i], 3e-6) << name << ", step " << step << ", " << i;
  }
}

template <class O>
void expect_recorded(const std::string& name, const typename O::Choice& options,
                     const StepOptions& step = {}) {
  const Pair pair = start();
  O optimizer(pair.both(), options, step);
  expect_recorded(name, pair, optimizer);
}

TEST(Optimizers, StepAsPyTorchDoes) {
  expect_recorded<Sgd>("sgd", {.lr = 0.05f});
  expect_recorded<Momentum>("momentum", {.lr = 0.05f});
  expect_recorded<Nesterov>("nesterov", {.lr = 0.05f});
  expect_recorded<Adam>("adam", {.lr = 0.02f});
  expect_recorded<AdamW>("adamw", {.lr = 0.02f});
  expect_recorded<Rmsprop>("rmsprop", {.lr = 0.02f});
}

TEST(Optimizers, DecayWeightsAsPyTorchDoes) {
  expect_recorded<Sgd>("sgd, decay", {.lr = 0.05f, .weight_decay = 0.1f});
  expect_recorded<Momentum>("momentum, decay",
                            {.lr = 0.05f, .momentum = 0.8f, .weight_decay = 0.1f});
  expect_recorded<Nesterov>("nesterov, decay", {.lr = 0.05f, .weight_decay = 0.1f});
  expect_recorded<Adam>(
      "adam, decay",
      {.lr = 0.02f, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-4, .weight_decay = 0.1f});
  expect_recorded<AdamW>("adamw, decay", {.lr = 0.02f, .weight_decay = 0.3f});
  expect_recorded<Rmsprop>("rmsprop, momentum",
                           {.lr = 0.02f, .alpha = 0.9, .momentum = 0.5f, .weight_decay = 0.1f});
}

TEST(Optimizers, ClipAsPyTorchDoes) {
  expect_recorded<Sgd>("clip norm", {.lr = 0.05f}, {.clip_norm = 2});
  expect_recorded<Sgd>("clip value", {.lr = 0.05f}, {.clip_value = 0.4f});
  expect_recorded<Momentum>("clip both", {.lr = 0.05f, .weight_decay = 0.1f},
                            {.clip_value = 1, .clip_norm = 2});
}

TEST(Schedules, AreThoseOfPyTorch) {
  const SgdOptions sgd{.lr = 0.05f};
  const Schedule warm_up = Schedule::warm_up(4, 0.2);
  expect_recorded<Sgd>("sgd", sgd, {.schedule = Schedule::constant()});
  expect_recorded<Sgd>("step", sgd, {.schedule = Schedule::step(4, 0.3)});
  expect_recorded<Sgd>("cosine", sgd, {.schedule = Schedule::cosine(12, 0.1)});
  expect_recorded<Sgd>("warm-up", sgd, {.schedule = warm_up});
  expect_recorded<Sgd>("warm-up times step", sgd, {.schedule = warm_up * Schedule::step(4, 0.3)});
  expect_recorded<Sgd>("warm-up then cosine", sgd,
                       {.schedule = warm_up.then(4, Schedule::cosine(8))});
}

TEST(Schedules, StayWhereTheyEnd) {
  EXPECT_DOUBLE_EQ(Schedule::cosine(12, 0.1)(100), 0.1);
  EXPECT_DOUBLE_EQ(Schedule::warm_up(4, 0.2)(100), 1);
}

TEST(Schedules, RefuseNoSteps) {
  EXPECT_THROW(Schedule::cosine(0), Error);
  EXPECT_THROW(Schedule::step(0), Error);
  EXPECT_THROW(Schedule::warm_up(0), Error);
}

TEST(Groups, HaveOptionsOfTheirOwn) {
  const Pair pair = start();
  Adam optimizer(Parameters({pair.a}), {.lr = 0.01f});
  optimizer.add(Parameters({pair.b}), {.lr = 0.1f});
  expect_recorded("groups", pair, optimizer);
}

TEST(Optimizers, AreMadeByName) {
  for (const std::string_view name : optimizer_names()) {
    const auto optimizer = make_optimizer(name, start().both());
    EXPECT_EQ(optimizer->name(), name);
    EXPECT_FLOAT_EQ(optimizer->lr(), recommended_lr(name, Update::shadow));
  }
  const Pair pair = start();
  const auto adam = make_optimizer("adam", pair.both(), 0.02f);
  expect_recorded("adam", pair, *adam);
  EXPECT_THROW(make_optimizer("lion", pair.both()), Error);
}

TEST(Optimizers, StartInPlaceFromTheirOwnLr) {
  const Tensor w = Tensor::zeros(TensorType(DType::int8, {2}, {.scale = 1}));
  const auto in_place = [](const Tensor& data) {
    return make_optimizer("momentum",
                          Parameters({parameter(data, "w", {.update = Update::in_place})}));
  };
  EXPECT_NE(recommended_lr("momentum", Update::in_place),
            recommended_lr("momentum", Update::shadow));
  EXPECT_FLOAT_EQ(in_place(w)->lr(), recommended_lr("momentum", Update::in_place));
  EXPECT_FLOAT_EQ(in_place(w.to_float())->lr(), recommended_lr("momentum", Update::shadow));
}

TEST(Optimizers, RefuseOptionsOutOfRange) {
  const Parameters p = start().both();
  EXPECT_THROW(Sgd(p, {.lr = 0}), Error);
  EXPECT_THROW(Sgd(p, {.lr = 0.1f, .weight_decay = -1}), Error);
  EXPECT_THROW(Momentum(p, {.momentum = 1}), Error);
  EXPECT_THROW(Adam(p, {.beta2 = 1}), Error);
  EXPECT_THROW(Adam(p, {.epsilon = 0}), Error);
  EXPECT_THROW(Rmsprop(p, {.alpha = -0.1}), Error);
  EXPECT_THROW(Sgd(p, {}, {.clip_norm = -1}), Error);
  EXPECT_THROW(Sgd(Parameters(), {}), Error);
  EXPECT_THROW(Sgd(Parameters({p.begin()[0], p.begin()[0]}), {}), Error);
}

TEST(Step, RefusesToRunWithoutGradients) {
  Sgd optimizer(start().both());
  EXPECT_THROW(optimizer.step(), Error);
  EXPECT_EQ(optimizer.steps(), 0u);
}

TEST(Step, SkipsParametersWithoutGradient) {
  const Pair pair = start();
  Sgd optimizer(pair.both(), {.weight_decay = 0.5f});
  feed(*pair.a, std::span(recorded_grads).first(6));
  optimizer.step();
  EXPECT_EQ(pair.b->tensor().data<float>()[0], recorded_start[6]);
  EXPECT_NE(pair.a->tensor().data<float>()[0], recorded_start[0]);
}

TEST(Step, ConsumesGradientsWithoutWritingIntoThem) {
  const Pair pair = start();
  Sgd optimizer(pair.both(), {.weight_decay = 0.5f}, {.clip_norm = 0.1f});
  feed(*pair.a, std::span(recorded_grads).first(6));
  const Tensor grad = pair.a->grad();
  optimizer.step();
  EXPECT_EQ(grad.data<float>()[0], recorded_grads[0]);
  EXPECT_FALSE(pair.a->grad());
}

TEST(Step, IsNoticedByTheGraph) {
  const Pair pair = start();
  Sgd optimizer(pair.both());
  const Variable y = mse(pair.a->variable(), Tensor::zeros(TensorType(DType::float32, {2, 3})));
  feed(*pair.a, std::span(recorded_grads).first(6));
  optimizer.step();
  EXPECT_THROW(y.backward(), Error);
}

TEST(Slots, AreAllocatedWithTheOptimizer) {
  const Pair pair = start();
  const std::size_t before = memory_use().current_bytes;
  Adam optimizer(pair.both());
  EXPECT_EQ(optimizer.slot_bytes(), 2u * 9 * sizeof(float));
  EXPECT_GE(memory_use().current_bytes, before + optimizer.slot_bytes());
  EXPECT_EQ(Sgd(start().both()).slot_bytes(), 0u);
}

void run(const Pair& pair, Optimizer& optimizer, std::size_t from, std::size_t to) {
  for (std::size_t step = from; step < to; ++step) {
    feed_both(pair, step);
    optimizer.step();
  }
}

TEST(Checkpoint, ContinuesToTheSameBits) {
  const Pair whole = start(), first = start(), second = start();
  const StepOptions options{.schedule = Schedule::cosine(12)};
  Adam a(whole.both(), {}, options), b(first.both(), {}, options), c(second.both(), {}, options);
  run(whole, a, 0, 12);
  run(first, b, 0, 5);
  c.restore(b.state());
  run(second, c, 5, 12);
  EXPECT_EQ(c.steps(), 12u);
  EXPECT_EQ(second.both().get(), whole.both().get());
  EXPECT_EQ(c.state(), a.state());
}

TEST(Checkpoint, RefusesEveryTruncationAndChangesNothing) {
  const Pair pair = start();
  Adam optimizer(pair.both());
  run(pair, optimizer, 0, 1);
  const std::vector<std::byte> state = optimizer.state();
  for (std::size_t n = 0; n < state.size(); ++n)
    EXPECT_THROW(optimizer.restore(std::span(state).first(n)), Error) << n;
  EXPECT_EQ(optimizer.state(), state);
}

TEST(Checkpoint, IsRefusedByAnotherOptimizer) {
  const std::vector<std::byte> adam = Adam(start().both()).state();
  AdamW other(start().both());
  EXPECT_THROW(other.restore(adam), Error);
  Adam fewer(Parameters({start().a}));
  EXPECT_THROW(fewer.restore(adam), Error);
}

}  // namespace
}  // namespace hone::tests
