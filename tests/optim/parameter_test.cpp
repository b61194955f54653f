#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <hone/loss.h>

#include "ops/kernels/noise.h"
#include "optim/rounding.h"
#include "tests/optim/feed.h"

namespace hone::tests {
namespace {

QuantParams per_axis(int axis, std::vector<float> scales) {
  QuantParams q;
  q.axis = axis;
  q.axis_scales = std::make_shared<const std::vector<float>>(std::move(scales));
  return q;
}

Tensor int8(const Shape& shape, const std::vector<std::int8_t>& values, QuantParams q) {
  return Tensor::of<std::int8_t>(shape, values, std::move(q));
}

Tensor int32(const std::vector<std::int32_t>& values, QuantParams q = {}) {
  return Tensor::of<std::int32_t>({static_cast<std::int64_t>(values.size())}, values, std::move(q));
}

template <class T>
std::vector<T> values(const Parameter& p) {
  const auto v = p.tensor().data<T>();
  return {v.begin(), v.end()};
}

std::vector<std::int8_t> integers(const Parameter& p) { return values<std::int8_t>(p); }

void set(const std::shared_ptr<Parameter>& p, const std::vector<float>& w) {
  Parameters({p}).set(w);
}

using Ints = std::vector<std::int8_t>;

TEST(Parameter, DoesNotWriteIntoWhatItWasMadeFrom) {
  const Tensor file = int8({2}, {1, 2}, {.scale = 1});
  const auto p = parameter(file, "w");
  set(p, {5, 6});
  EXPECT_EQ(file.data<std::int8_t>()[0], 1);
  EXPECT_EQ(integers(*p), (Ints{5, 6}));
}

TEST(Parameter, RoundsHalvesAwayFromZero) {
  const auto p = parameter(int8({6}, Ints(6), {.scale = 0.5f}), "w");
  set(p, {0.25f, -0.25f, 0.24f, 0.75f, -0.75f, 1.0f});
  EXPECT_EQ(integers(*p), (Ints{1, -1, 0, 2, -2, 2}));
}

TEST(Parameter, NeverHoldsTheLowestInteger) {
  for (const Update update : {Update::shadow, Update::in_place}) {
    const auto p = parameter(int8({3}, {-127, 0, 127}, {.scale = 1}), "w", {.update = update});
    Sgd optimizer(Parameters({p}), {.lr = 1});
    const std::vector<float> gradient{1000, 1e30f, -1000};
    feed(*p, gradient);
    optimizer.step();
    EXPECT_EQ(integers(*p), (Ints{-127, -127, 127}));
  }
  const Tensor w = Tensor::zeros(TensorType(DType::int4, {2}, {.scale = 1}));
  const auto p = parameter(w, "int4");
  set(p, {-100, 100});
  EXPECT_EQ(integers(*p), (Ints{-7, 7}));
}

TEST(Parameter, ScalesEachChannelOfItsAxis) {
  const auto rows = parameter(int8({2, 2}, Ints(4), per_axis(0, {1, 10})), "rows");
  set(rows, {20, 30, 20, 30});
  EXPECT_EQ(integers(*rows), (Ints{20, 30, 2, 3}));
  const auto columns = parameter(int8({2, 2}, Ints(4), per_axis(1, {1, 10})), "columns");
  set(columns, {20, 30, 20, 30});
  EXPECT_EQ(integers(*columns), (Ints{20, 3, 20, 3}));
}

TEST(Parameter, KeepsItsScaleAndSaturates) {
  const auto p = parameter(int8({2}, {1, 2}, {.scale = 0.5f}), "w");
  set(p, {1000, 1});
  EXPECT_EQ(p->tensor().type().scale, 0.5f);
  EXPECT_EQ(integers(*p), (Ints{127, 2}));
}

TEST(Parameter, RefreshesItsScaleToTheLargestValue) {
  const auto p = parameter(int8({2}, {1, 2}, {.scale = 0.5f}), "w", {.scales = Scales::refresh});
  set(p, {-254, 2});
  EXPECT_EQ(p->variable().type().scale, 2.0f);
  EXPECT_EQ(integers(*p), (Ints{-127, 1}));
}

TEST(Parameter, RefreshesScalesByAxisAndKeepsThatOfAChannelOfZeros) {
  const auto p =
      parameter(int8({2, 2}, Ints(4), per_axis(0, {1, 10})), "w", {.scales = Scales::refresh});
  set(p, {0, 0, 254, -127});
  EXPECT_EQ(*p->tensor().type().axis_scales, (std::vector<float>{1, 2}));
  EXPECT_EQ(integers(*p), (Ints{0, 0, 127, -64}));
}

TEST(Parameter, RefusesToRefreshScalesInPlace) {
  EXPECT_THROW(parameter(int8({1}, {0}, {.scale = 1}), "w",
                         {.update = Update::in_place, .scales = Scales::refresh}),
               Error);
}

TEST(Bias, FollowsTheScaleOfItsWeight) {
  for (const bool frozen : {false, true}) {
    const auto w = parameter(int8({2, 1}, {100, 100}, per_axis(0, {0.5f, 0.25f})), "w",
                             {.scales = Scales::refresh});
    const auto b =
        parameter(int32({1000, -4}, per_axis(0, {0.05f, 0.025f})), "b", {.frozen = frozen});
    b->follow(w, 0.1f);
    set(w, {127, 12.7f});  // scales 1 and 0.1
    EXPECT_EQ(values<std::int32_t>(*b), (std::vector<std::int32_t>{500, -10})) << frozen;
    EXPECT_FLOAT_EQ((*b->tensor().type().axis_scales)[0], 0.1f);
    EXPECT_FLOAT_EQ((*b->tensor().type().axis_scales)[1], 0.01f);
    EXPECT_EQ(b->variable().requires_grad(), !frozen);
  }
}

TEST(Bias, ThatIsFrozenComesBackWhenTheScaleOfItsWeightDoes) {
  const auto w = parameter(int8({1, 1}, {127}, {.scale = 1}), "w", {.scales = Scales::refresh});
  const auto b = parameter(int32({7}, {.scale = 0.5f}), "b", {.frozen = true});
  b->follow(w, 0.5f);
  Sgd optimizer(Parameters({w}));
  const std::vector<std::byte> state = optimizer.state();
  set(w, {127 * 20});  // a step of the bias is 10 now, and 3.5 rounds to 0
  EXPECT_EQ(values<std::int32_t>(*b)[0], 0);
  set(w, {127});
  EXPECT_EQ(values<std::int32_t>(*b)[0], 7);
  set(w, {127 * 20});
  optimizer.restore(state);
  EXPECT_EQ(values<std::int32_t>(*b)[0], 7);
}

TEST(Bias, SaturatesWhereTheScaleOfItsWeightShrinks) {
  const auto w = parameter(int8({1, 1}, {100}, {.scale = 1}), "w", {.scales = Scales::refresh});
  const auto b = parameter(int32({-2000000000}, {.scale = 0.1f}), "b");
  b->follow(w, 0.1f);
  set(w, {0.127f});
  EXPECT_EQ(values<std::int32_t>(*b)[0], -std::numeric_limits<std::int32_t>::max());
}

TEST(Bias, WithoutAScaleGetsThatOfItsWeight) {
  const auto w = parameter(int8({1, 1}, {100}, {.scale = 0.5f}), "w");
  const auto b = parameter(int32({40}), "b");
  b->follow(w, 0.5f);
  EXPECT_EQ(b->tensor().type().scale, 0.25f);
  EXPECT_TRUE(b->variable().requires_grad());
  EXPECT_EQ(Parameters({b}).get()[0], 10.0f);
}

TEST(Bias, MustHaveOneElementAChannel) {
  const auto w = parameter(int8({2, 1}, {1, 1}, per_axis(0, {1, 1})), "w");
  const auto b = parameter(int32({1, 2, 3}), "b");
  EXPECT_THROW(b->follow(w, 0.5f), Error);
}

TEST(Float16, IsRoundedToNearestEvenAndSaturates) {
  const auto p =
      parameter(Tensor::of<Half>({3}, {Half::round(0), Half::round(0), Half::round(0)}), "w");
  set(p, {1.0f + 0x1p-11f, 1.0f + 3 * 0x1p-11f, 1e6f});
  EXPECT_EQ(values<Half>(*p)[0].bits, 0x3c00);
  EXPECT_EQ(values<Half>(*p)[1].bits, 0x3c02);
  EXPECT_EQ(values<Half>(*p)[2].bits, 0x7bff);
}

/// n equal integers after one step of SGD by `steps` of their scale.
std::vector<std::int8_t> moved(std::size_t n, float steps, std::uint64_t seed) {
  const float scale = 0.02f;
  const auto p = parameter(int8({static_cast<std::int64_t>(n)}, Ints(n, 10), {.scale = scale}), "w",
                           {.update = Update::in_place});
  Sgd optimizer(Parameters({p}), {.lr = 0.5f}, {.seed = seed});
  feed(*p, std::vector<float>(n, -steps * scale / 0.5f));
  optimizer.step();
  return integers(*p);
}

// The number of roundings up is binomial: its deviation from the mean stays within 5 sigma.
TEST(InPlace, RoundsWithoutBias) {
  constexpr std::size_t n = 100000;
  for (const float steps : {0.001f, 0.3f, 0.5f, -0.25f, 1.9f, -3.7f}) {
    const Ints q = moved(n, steps, 1);
    const double mean = std::accumulate(q.begin(), q.end(), 0.0) / n - 10;
    const double part = steps - std::floor(steps);
    EXPECT_NEAR(mean, steps, 5 * std::sqrt(part * (1 - part) / n) + 1e-5) << steps;
    for (const std::int8_t v : q) ASSERT_LT(std::abs(v - 10 - steps), 1.0);
  }
}

TEST(InPlace, DrawsTheSameNumbersForTheSameSeedOnly) {
  EXPECT_EQ(moved(1000, 0.3f, 7), moved(1000, 0.3f, 7));
  EXPECT_NE(moved(1000, 0.3f, 7), moved(1000, 0.3f, 8));
}

TEST(InPlace, DrawsOtherNumbersForEachStepAndParameter) {
  EXPECT_NE(noise_key(0, 1, 0), noise_key(0, 2, 0));
  EXPECT_NE(noise_key(0, 1, 0), noise_key(0, 1, 1));
  EXPECT_NE(noise_key(0, 1, 2), noise_key(0, 2, 1));
}

TEST(InPlace, DoesNotDependOnTheTiling) {
  const auto w = [] {
    return parameter(int8({2, 300}, Ints(600, 3), per_axis(0, {0.5f, 2})), "w",
                     {.update = Update::in_place});
  };
  std::vector<float> before(600), after(600);
  for (std::size_t i = 0; i < 600; ++i) after[i] = 0.01f * static_cast<float>(i);
  const auto whole = w(), parts = w();
  whole->move(0, before, after, 5);
  for (std::size_t i = 0; i < 600; i += 7) {
    const std::size_t n = std::min<std::size_t>(7, 600 - i);
    parts->move(i, std::span(before).subspan(i, n), std::span(after).subspan(i, n), 5);
  }
  EXPECT_EQ(integers(*whole), integers(*parts));
}

// Known once and for all: a change here makes checkpoints continue differently.
TEST(InPlace, NoiseIsThatOfSplitMix64) {
  EXPECT_EQ(mixed(0), 0xe220a8397b1dcdafu);  // the first output of SplitMix64 seeded with 0
}

TEST(InPlace, LeavesAloneWhatTheRuleLeavesAlone) {
  const std::vector<std::int32_t> large{2000000001, -1999999999, 16777217};
  const auto b = parameter(int32(large, {.scale = 0.013f}), "b", {.update = Update::in_place});
  Momentum optimizer(Parameters({b}));
  for (int i = 0; i < 5; ++i) {
    feed(*b, std::vector<float>(3, 0.0f));
    optimizer.step();
  }
  EXPECT_EQ(values<std::int32_t>(*b), large);
}

TEST(InPlace, MovesABiasByItsOwnScale) {
  const auto b = parameter(int32({1000}, {.scale = 0.5f}), "b", {.update = Update::in_place});
  Sgd optimizer(Parameters({b}), {.lr = 1});
  feed(*b, std::vector<float>{10});
  optimizer.step();
  EXPECT_EQ(values<std::int32_t>(*b)[0], 980);
}

TEST(InPlace, RoundsFloat16WithoutBias) {
  constexpr std::size_t n = 50000;
  const std::vector<Half> ones(n, Half::round(-1));
  const auto p = parameter(Tensor::of<Half>({static_cast<std::int64_t>(n)}, ones), "w",
                           {.update = Update::in_place});
  Sgd optimizer(Parameters({p}), {.lr = 1});
  const double step = 0x1p-10 * 0.3;  // float16 values at 1 are 2^-10 apart
  feed(*p, std::vector<float>(n, static_cast<float>(step)));
  optimizer.step();
  double sum = 0;
  for (const float w : Parameters({p}).get()) sum += w;
  EXPECT_NEAR(sum / n, -1 - step, 5 * 0x1p-10 * std::sqrt(0.3 * 0.7 / n));
}

TEST(InPlace, OfFloat32IsThePlainUpdate) {
  const auto a = parameter(Tensor::of<float>({1}, {1.f}), "w", {.update = Update::in_place});
  EXPECT_FALSE(a->master());
  Sgd optimizer(Parameters({a}), {.lr = 0.25f});
  feed(*a, std::vector<float>{1});
  optimizer.step();
  EXPECT_EQ(a->tensor().data<float>()[0], 0.75f);
}

TEST(Shadow, SumsStepsThatAreSmallerThanTheScale) {
  const auto p = parameter(int8({1}, {0}, {.scale = 1}), "w");
  Sgd optimizer(Parameters({p}), {.lr = 1});
  for (int i = 0; i < 10; ++i) {
    feed(*p, std::vector<float>{-0.1f});
    optimizer.step();
  }
  EXPECT_EQ(integers(*p)[0], 1);
  EXPECT_EQ(p->master_bytes(), 4u);
}

TEST(Step, RefusesAGradientThatIsNotFiniteAndMovesNothing) {
  const auto a = parameter(int8({1}, {5}, {.scale = 1}), "a");
  const auto b = parameter(int8({1}, {5}, {.scale = 1}), "b");
  Sgd optimizer(Parameters({a, b}), {.lr = 1});
  feed(*a, std::vector<float>{1});
  feed(*b, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  EXPECT_THROW(optimizer.step(), Error);
  EXPECT_EQ(integers(*a)[0], 5);
  EXPECT_EQ(optimizer.steps(), 0u);
}

TEST(Parameters, ComeBackFromTheirFloats) {
  const auto a = parameter(int8({2}, {-127, 3}, {.scale = 0.3f}), "a");
  const auto b = parameter(Tensor::of<float>({1}, {7.f}), "b");
  const auto c = parameter(int8({1}, {99}, {.scale = 0.7f}), "c", {.update = Update::in_place});
  const Parameters all({a, b, c});
  const std::vector<float> w = all.get();
  EXPECT_FLOAT_EQ(w[1], 0.9f);
  all.set(w);
  EXPECT_EQ(integers(*a), (Ints{-127, 3}));
  EXPECT_EQ(integers(*c), (Ints{99}));
  const auto layout = all.layout();
  EXPECT_EQ(layout[2].name, "c");
  EXPECT_EQ(layout[2].offset, 3u);
  EXPECT_EQ(layout[0].count, 2u);
}

TEST(Parameters, RefuseValuesThatDoNotFit) {
  const auto a = parameter(int8({2}, {1, 2}, {.scale = 1}), "a");
  const Parameters all({a});
  EXPECT_THROW(all.set(std::vector<float>{1}), Error);
  EXPECT_THROW(all.set(std::vector<float>{5, INFINITY}), Error);
  EXPECT_EQ(integers(*a), (Ints{1, 2}));
}

TEST(Checkpoint, OfIntegersContinuesToTheSameBits) {
  for (const ParameterOptions options :
       {ParameterOptions{.update = Update::in_place},
        ParameterOptions{.update = Update::shadow, .scales = Scales::refresh}}) {
    const auto start = [&] {
      return parameter(int8({2, 2}, {1, -20, 30, 100}, per_axis(0, {0.1f, 0.2f})), "w", options);
    };
    const auto run = [](Parameter& p, Optimizer& optimizer, int from, int to) {
      for (int step = from; step < to; ++step) {
        const float g = std::sin(static_cast<float>(step));
        feed(p, std::vector<float>{g, -g, 2 * g, 0.3f});
        optimizer.step();
      }
    };
    const auto whole = start(), first = start(), second = start();
    const AdamOptions adam{.lr = 0.05f};
    Adam a(Parameters({whole}), adam), b(Parameters({first}), adam), c(Parameters({second}), adam);
    run(*whole, a, 0, 20);
    run(*first, b, 0, 9);
    c.restore(b.state());
    run(*second, c, 9, 20);
    EXPECT_EQ(integers(*second), integers(*whole));
    EXPECT_EQ(second->tensor().type(), whole->tensor().type());
    EXPECT_EQ(c.state(), a.state());
  }
}

TEST(Training, AnInt8WeightLearnsUnderEitherUpdate) {
  for (const Update update : {Update::shadow, Update::in_place}) {
    const auto w = parameter(int8({4}, {0, 0, 0, 0}, {.scale = 0.02f}), "w", {.update = update});
    const Tensor target = Tensor::of<float>({4}, {1.f, -1.f, 0.5f, 2.f});
    Sgd optimizer(Parameters({w}), {.lr = 0.1f});
    for (int i = 0; i < 200; ++i) {
      mse(w->variable(), target, Reduction::sum).backward();
      optimizer.step();
    }
    const std::vector<float> got = Parameters({w}).get();
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(got[i], target.data<float>()[i], 0.06f);
  }
}

}  // namespace
}  // namespace hone::tests
