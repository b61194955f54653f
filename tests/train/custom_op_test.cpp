/// A user's own op in a file: CUSTOM operators are found by name among ModelOptions::custom_ops,
/// run, learn and are written back.

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/hone.h>

#include "tests/model/network.h"

namespace hone::tests {
namespace {

/// y = x + sin(a x)^2 / a, a in the file.  Ziyin et al. (2020).
struct Snake {
  static constexpr std::string_view name = "Snake";
  static constexpr Dtypes<float> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  struct Attributes {
    float a = 1;
  };

  static Attributes parse(std::span<const std::byte> options) {
    Attributes attributes;
    if (options.size() != sizeof(float))
      fail(ErrorKind::file, name, "expected options of 4 bytes, got ", options.size());
    std::memcpy(&attributes.a, options.data(), sizeof(float));
    return attributes;
  }
  static TensorType infer(const Attributes&, const Call& call) { return call.inputs[0]; }
  template <class T>
  static void forward(const Attributes& o, const NoPlan&, const Forward& f) {
    const auto x = f.input<T>(0);
    const auto y = f.output<T>(0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T s = std::sin(o.a * x[i]);
      y[i] = x[i] + s * s / o.a;
    }
  }
  static void backward(const Attributes& o, const NoPlan&, const Backward& b) {
    const auto x = b.saved_input(0), gy = b.output_grad(0);
    const auto gx = b.input_grad(0);
    for (std::size_t i = 0; i < x.size(); ++i) gx[i] = gy[i] * (1 + std::sin(2 * o.a * x[i]));
  }
};
constinit const OpDef snake = define<Snake>();

const std::vector<float> weights{0.5f, -1, 0.25f, 0.75f, 2, -0.5f}, head{1, -2, 0.5f};
constexpr float a = 1.5f;

/// y = head . snake(W x), x of two numbers; the options of the custom operator are the bytes of
/// `a`.
std::vector<std::byte> file(std::size_t option_bytes = sizeof a) {
  Network net;
  const std::int32_t x = net.tensor("x", {1, 2}), h = net.tensor("h", {1, 3}),
                     s = net.tensor("s", {1, 3}), y = net.tensor("y", {1, 1}),
                     w = net.constant("w", {3, 2}, weights), v = net.constant("v", {1, 3}, head);
  net.fully_connected({x, w, -1}, h);
  auto& options = net.op(tflite::BuiltinOperator_CUSTOM, {h}, {s}, "Snake").custom_options;
  options.resize(sizeof a);
  std::memcpy(options.data(), &a, sizeof a);
  options.resize(option_bytes);
  net.fully_connected({s, v, -1}, y);
  return net.bytes({x}, {y});
}

double reference(const std::vector<double>& w, const std::vector<double>& v, double x0, double x1) {
  double y = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double z = w[2 * i] * x0 + w[2 * i + 1] * x1, s = std::sin(a * z);
    y += v[i] * (z + s * s / a);
  }
  return y;
}

std::vector<double> doubles(std::span<const float> values) {
  return {values.begin(), values.end()};
}

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CustomOp, RunsWithTheOptionsOfTheFile) {
  Model model = Model::load(file(), {.custom_ops = {&snake}});
  const Variable y = model(Variable(Tensor::of<float>({1, 2}, {0.3f, -0.7f})));
  EXPECT_NEAR(y.item(), reference(doubles(weights), doubles(head), 0.3f, -0.7f), 1e-6);
}

TEST(CustomOp, LetsGradientsThroughToTheWeightsBeforeIt) {
  Model model = Model::load(file(), {.custom_ops = {&snake}});
  const Parameters parameters = model.trainable(all());
  model(Variable(Tensor::of<float>({1, 2}, {0.3f, -0.7f}))).backward();
  std::vector<double> w = doubles(weights);
  const Tensor gradient = parameters[0].variable().grad();
  ASSERT_TRUE(gradient);
  for (std::size_t i = 0; i < w.size(); ++i) {
    constexpr double step = 1e-5;
    const double middle = w[i];
    w[i] = middle + step;
    const double high = reference(w, doubles(head), 0.3f, -0.7f);
    w[i] = middle - step;
    const double low = reference(w, doubles(head), 0.3f, -0.7f);
    w[i] = middle;
    EXPECT_NEAR(gradient.data<float>()[i], (high - low) / (2 * step), 1e-5) << i;
  }
}

TEST(CustomOp, TrainsInBatchesAndIsWrittenBack) {
  std::vector<float> x, y;
  for (int i = 0; i < 32; ++i) {
    const float x0 = std::sin(static_cast<float>(i)), x1 = std::cos(2.f * static_cast<float>(i));
    x.insert(x.end(), {x0, x1});
    y.push_back(
        static_cast<float>(reference({0.6, -0.8, 0.3, 0.5, 1.7, -0.6}, {0.9, -1.6, 0.8}, x0, x1)));
  }
  const Dataset data(Tensor::of<float>({32, 2}, x), Tensor::of<float>({32, 1}, y));
  Model model = Model::load(file(), {.custom_ops = {&snake}});
  EXPECT_TRUE(model.can_batch(8));
  Adam optimizer(model.trainable(all()), {.lr = 0.02f});
  FitOptions options{.epochs = 100, .batch = 8, .loss = Loss::mse};
  options.held_out = &data;
  const Report report = fit(model, optimizer, data, options);
  EXPECT_LT(report.after->loss, 0.01 * report.before->loss);
  Model again = Model::load(model.bytes(), {.custom_ops = {&snake}});
  EXPECT_EQ(evaluate(again, data, Loss::mse).loss, report.after->loss);
  EXPECT_EQ(again.operators()[1].type(), "Snake");
}

TEST(CustomOp, LeavesAFileAsItIsWithoutTraining) {
  EXPECT_EQ(Model::load(file(), {.custom_ops = {&snake}}).bytes(), file());
  EXPECT_EQ(Model::load(file()).bytes(), file());
}

TEST(CustomOp, IsNamedWhereNobodyBringsIt) {
  Model model = Model::load(file());
  const std::string told = message_of([&] {
    model(Variable(Tensor::of<float>({1, 2}, {0.3f, -0.7f})));
  });
  EXPECT_NE(told.find("Snake #1"), std::string::npos) << told;
  EXPECT_NE(told.find("custom_ops"), std::string::npos) << told;
  EXPECT_FALSE(model.operators()[0].trainable());
  EXPECT_TRUE(model.operators()[2].trainable());
}

TEST(CustomOp, TellsWhatItsOptionsShouldBe) {
  const std::string told = message_of([] {
    Model model = Model::load(file(3), {.custom_ops = {&snake}});
    model(Variable(Tensor::of<float>({1, 2}, {0.3f, -0.7f})));
  });
  EXPECT_NE(told.find("expected options of 4 bytes, got 3"), std::string::npos) << told;
}

}  // namespace
}  // namespace hone::tests
