#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/loss.h>

namespace hone {
namespace {

struct Case {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<double> x;  // in real units
  float scale = 0;        // not 0: int8
  std::int32_t zero_point = 0;
  std::string loss_of;
  std::vector<std::int64_t> labels = {};
  std::vector<double> targets = {};
  float delta = 1;
  float smoothing = 0;
  bool sum = false;
  std::vector<float> weights = {};
  double loss = 0;
  std::vector<double> gradient;
};

const Case cases[] = {
#include "tests/golden/losses.inc"
};

Tensor floats(const Shape& shape, const std::vector<double>& values) {
  const std::vector<float> narrow(values.begin(), values.end());
  return Tensor::of<float>(shape, narrow);
}

Tensor input(const Case& c) {
  const Shape shape{std::span<const std::int64_t>(c.shape)};
  if (c.scale == 0) return floats(shape, c.x);
  std::vector<std::int8_t> q;
  for (const double v : c.x)
    q.push_back(static_cast<std::int8_t>(std::lround(v / c.scale) + c.zero_point));
  return Tensor::of<std::int8_t>(shape, q, {.scale = c.scale, .zero_point = c.zero_point});
}

Variable loss_of(const Case& c, const Variable& x) {
  const Reduction reduction = c.sum ? Reduction::sum : Reduction::mean;
  if (c.loss_of == "cross_entropy") {
    const CrossEntropy options{c.smoothing, c.weights, reduction};
    if (!c.targets.empty()) return cross_entropy(x, floats(x.shape(), c.targets), options);
    const Shape rows(std::span(x.shape().begin(), x.shape().rank() - 1));
    return cross_entropy(x, Tensor::of<std::int64_t>(rows, c.labels), options);
  }
  const Tensor target = floats(x.shape(), c.targets);
  if (c.loss_of == "bce") return bce_with_logits(x, target, reduction);
  if (c.loss_of == "mse") return mse(x, target, reduction);
  if (c.loss_of == "huber") return huber(x, target, c.delta, reduction);
  return mae(x, target, reduction);
}

// float32 against float64: a few roundings, of the largest value.
TEST(Losses, AndTheirGradientsAreThoseOfPyTorch) {
  for (const Case& c : cases) {
    const Variable x(input(c), Grad::yes);
    const Variable loss = loss_of(c, x);
    EXPECT_NEAR(loss.item(), c.loss, 2e-6 * std::max(1.0, std::abs(c.loss))) << c.name;
    loss.backward();
    const Tensor grad = x.grad();
    double largest = 0;
    for (const double g : c.gradient) largest = std::max(largest, std::abs(g));
    for (std::size_t i = 0; i < c.gradient.size(); ++i)
      EXPECT_NEAR(grad.data<float>()[i], c.gradient[i], 2e-6 * largest) << c.name << " at " << i;
  }
}

TEST(Losses, ScaleTheirGradientByTheSeed) {
  const Variable x(Tensor::of<float>({2}, {3.f, 1.f}), Grad::yes);
  mse(x, Tensor::of<float>({2}, {1.f, 1.f})).backward(Tensor::of<float>({}, {0.25f}));
  EXPECT_FLOAT_EQ(x.grad().data<float>()[0], 0.5f);
}

TEST(Losses, AreDifferentiatedByTheirTargetsToo) {
  const Variable x(Tensor::of<float>({2}, {3.f, 1.f}));
  const Variable t(Tensor::of<float>({2}, {1.f, 2.f}), Grad::yes);
  huber(x, t, 0.5f).backward();
  EXPECT_FLOAT_EQ(t.grad().data<float>()[0], -0.25f);
  EXPECT_FLOAT_EQ(t.grad().data<float>()[1], 0.25f);
}

TEST(CrossEntropy, ReadsInt32LabelsLikeInt64) {
  const Variable x(Tensor::of<float>({2, 3}, {1.f, 2.f, 3.f, 0.f, 5.f, 1.f}));
  EXPECT_EQ(cross_entropy(x, Tensor::of<std::int32_t>({2}, {2, 0})).item(),
            cross_entropy(x, Tensor::of<std::int64_t>({2}, {2, 0})).item());
}

TEST(CrossEntropy, OfOneLogitThatIsMinusInfinityIsFiniteForTheOthers) {
  const float inf = std::numeric_limits<float>::infinity();
  const Variable x(Tensor::of<float>({1, 3}, {0.f, 0.f, -inf}), Grad::yes);
  const Variable loss = cross_entropy(x, Tensor::of<std::int32_t>({1}, {0}));
  EXPECT_NEAR(loss.item(), std::log(2.0), 1e-6);
  loss.backward();
  EXPECT_EQ(x.grad().data<float>()[2], 0.0f);
}

template <class F>
void expect_refused(F f, const std::string& word) {
  try {
    f();
    ADD_FAILURE() << "expected an error with \"" << word << '"';
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
  }
}

TEST(CrossEntropy, RefusesLabelsOutsideTheClasses) {
  const Variable x(Tensor::of<float>({2, 3}, {1.f, 2.f, 3.f, 0.f, 5.f, 1.f}));
  expect_refused(
      [&] {
        cross_entropy(x, Tensor::of<std::int32_t>({2}, {0, 3}));
      },
      "got 3 in row 1");
  expect_refused([&] { cross_entropy(x, Tensor::of<std::int64_t>({2}, {-1, 0})); }, "got -1");
}

TEST(CrossEntropy, RefusesWhatDoesNotFit) {
  const Variable x(Tensor::of<float>({2, 3}, {1.f, 2.f, 3.f, 0.f, 5.f, 1.f}));
  const Tensor labels = Tensor::of<std::int32_t>({2}, {0, 1});
  expect_refused([&] { cross_entropy(x, Tensor::of<std::int32_t>({3}, {0, 1, 2})); }, "[2]");
  expect_refused([&] { cross_entropy(x, Tensor::of<float>({2}, {0.f, 1.f})); }, "[2, 3]");
  expect_refused([&] { cross_entropy(x, labels, {.label_smoothing = 1.5f}); }, "label_smoothing");
  expect_refused([&] { cross_entropy(x, labels, {.class_weights = {1, 1}}); }, "3 class weights");
  expect_refused([&] { cross_entropy(x, labels, {.class_weights = {0, 0, 1}}); }, "all are 0");
  expect_refused(
      [&] {
        cross_entropy(Tensor(TensorType(DType::float32, {0, 3})),
                      Tensor::of<std::int32_t>({0}, {}));
      },
      "one row");
}

TEST(Losses, RefuseWhatDoesNotFit) {
  const Tensor x = Tensor::of<float>({2}, {0.f, 1.f}), t = Tensor::of<float>({1}, {0.f});
  expect_refused([&] { mse(x, t); }, "shape [2]");
  expect_refused([&] { huber(x, x, 0.f); }, "delta");
  expect_refused([&] { bce_with_logits(x, Tensor::of<float>({2}, {0.f, 1.5f})); }, "[0, 1]");
  expect_refused([&] { mae(Tensor::of<std::int32_t>({1}, {1}), t); }, "floating or quantized");
}

TEST(Bce, TakesIntegersAsZeroAndOne) {
  const Variable x(Tensor::of<float>({2}, {0.5f, -1.f}));
  EXPECT_EQ(bce_with_logits(x, Tensor::of<std::int64_t>({2}, {1, 0})).item(),
            bce_with_logits(x, Tensor::of<float>({2}, {1.f, 0.f})).item());
}

}  // namespace
}  // namespace hone
