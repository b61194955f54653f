/// Class weights and label smoothing in fit(), against the closed form of one step of gradient
/// descent.

#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <hone/hone.h>

#include "tests/model/network.h"

namespace hone::tests {
namespace {

constexpr std::size_t classes = 3, features = 2;

/// logits = W x + b, with W and b of no particular values.
Model linear() {
  Network net;
  const std::int32_t x = net.tensor("x", {1, features});
  const std::int32_t w =
      net.constant<float>("w", {classes, features}, {0.5f, -1, 2, 0.25f, -0.75f, 1});
  const std::int32_t b = net.constant<float>("b", {classes}, {0.1f, -0.2f, 0.3f});
  const std::int32_t y = net.tensor("y", {1, classes});
  net.fully_connected({x, w, b}, y);
  return Model::load(net.bytes({x}, {y}));
}

const std::vector<float> five_samples{1, 2, -1, 0.5f, 0.25f, -2, 3, 1, -0.5f, -0.5f};
const std::vector<std::int32_t> labels{0, 2, 0, 0, 1};

Dataset data() {
  return Dataset(Tensor::of<float>({5, 2}, five_samples), Tensor::of<std::int32_t>({5}, labels));
}

std::vector<double> values(const Model& model) {
  std::vector<double> out;
  Model copy = Model::load(model.bytes());
  for (const auto& [tensor, value] : copy.open_constants()) {
    for (const float v : value.data().data<float>()) out.push_back(v);
  }
  return out;
}

/// W and b after one step with learning rate 1 on all samples: minus the gradient of
/// sum_i -sum_c w_c t_ic log p_ic / sum_i w_(y_i).
std::vector<double> stepped(const std::vector<double>& before, const std::vector<double>& weights,
                            double smoothing) {
  std::vector<double> after = before;
  double all = 0;
  for (const std::int32_t label : labels) all += weights[static_cast<std::size_t>(label)];
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double z[classes], total = 0, mass = 0, share[classes];
    for (std::size_t c = 0; c < classes; ++c) {
      z[c] = before[classes * features + c];
      for (std::size_t k = 0; k < features; ++k)
        z[c] += before[c * features + k] * static_cast<double>(five_samples[i * features + k]);
      total += std::exp(z[c]);
      const double hit = static_cast<std::size_t>(labels[i]) == c ? 1 - smoothing : 0;
      share[c] = weights[c] * (hit + smoothing / classes);
      mass += share[c];
    }
    for (std::size_t c = 0; c < classes; ++c) {
      const double slope = (mass * std::exp(z[c]) / total - share[c]) / all;
      for (std::size_t k = 0; k < features; ++k)
        after[c * features + k] -= slope * static_cast<double>(five_samples[i * features + k]);
      after[classes * features + c] -= slope;
    }
  }
  return after;
}

void expect_step(const FitOptions& options, const std::vector<double>& weights) {
  Model model = linear();
  const std::vector<double> before = values(model);
  Sgd optimizer(model.trainable(all()), {.lr = 1});
  fit(model, optimizer, data(), options);
  const std::vector<double> got = values(model),
                            want = stepped(before, weights, options.label_smoothing);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6) << i;
}

FitOptions one_step() { return {.epochs = 1, .batch = 5}; }

TEST(ClassWeights, WeighTheSamplesOfAStep) {
  FitOptions options = one_step();
  options.class_weights = {1, 4, 0.5f};
  expect_step(options, {1, 4, 0.5});
}

TEST(ClassWeights, GiveTheSameStepInMicroBatches) {
  FitOptions options = one_step();
  options.class_weights = {1, 4, 0.5f};
  options.micro_batch = 2;
  expect_step(options, {1, 4, 0.5});
}

TEST(ClassWeights, LeaveAClassOfWeightZeroOut) {
  FitOptions options = one_step();
  options.class_weights = {0, 1, 1};
  expect_step(options, {0, 1, 1});
}

TEST(ClassWeights, LeaveTheModelAloneWhereNoSampleCounts) {
  Model model = linear();
  Sgd optimizer(model.trainable(all()), {.lr = 1});
  const std::vector<double> before = values(model);
  FitOptions options{.epochs = 1, .batch = 1};
  options.class_weights = {0, 0, 0};
  fit(model, optimizer, data(), options);
  EXPECT_EQ(values(model), before);
}

TEST(ClassWeights, GoWithLabelSmoothing) {
  FitOptions options = one_step();
  options.class_weights = {1, 4, 0.5f};
  options.label_smoothing = 0.1f;
  expect_step(options, {1, 4, 0.5});
}

TEST(ClassWeights, AreOneUnlessGiven) { expect_step(one_step(), {1, 1, 1}); }

TEST(ClassWeights, BalanceTheClassesThatOccur) {
  // 5 samples: 3 of class 0, 1 of class 1, 1 of class 2
  const std::vector<float> weights = balanced_weights(data(), 4);
  EXPECT_EQ(weights, (std::vector<float>{5.f / 9, 5.f / 3, 5.f / 3, 0}));
}

TEST(ClassWeights, AreRefusedOfAnotherNumber) {
  Model model = linear();
  Sgd optimizer(model.trainable(all()), {.lr = 1});
  FitOptions options = one_step();
  options.class_weights = {1, 1};
  EXPECT_THROW(fit(model, optimizer, data(), options), Error);
}

TEST(ClassWeights, AreRefusedForAnotherLoss) {
  Model model = linear();
  Sgd optimizer(model.trainable(all()), {.lr = 1});
  FitOptions options = one_step();
  options.loss = Loss::mse;
  options.class_weights = {1, 1, 1};
  EXPECT_THROW(fit(model, optimizer, data(), options), Error);
}

}  // namespace
}  // namespace hone::tests
