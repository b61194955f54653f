#include <cmath>

#include <gtest/gtest.h>

#include "tests/autograd/toy_ops.h"

namespace hone::tests {
namespace {

TEST(GradSum, AddsTheGradientsOfEveryUse) {
  const Variable x = leaf({3, -1});
  Variable y = x;
  for (int k = 1; k < 1000; ++k) y = plus(y, x);  // y = 1000 x
  y.backward();
  EXPECT_EQ(list(x.grad()), (Floats{1000, 1000}));
}

TEST(GradSum, CountsAValueThatIsBothInputsOfOneCall) {
  const Variable x = leaf({3, -1});
  plus(times(x, x), x).backward();
  EXPECT_EQ(list(x.grad()), (Floats{7, -1}));
}

TEST(GradSum, DoublesAtEachOfThirtyBranches) {
  const Variable x = leaf({1});
  Variable y = x;
  for (int k = 0; k < 30; ++k) y = plus(y, y);
  y.backward();
  EXPECT_EQ(list(x.grad()), Floats{0x1p30f});
}

TEST(GradSum, IsOneNodeHoweverManyUses) {
  const Variable x = leaf({1}, "x");
  const Variable y = plus(plus(plus(x, x), x), plus(x, x));
  const std::string dot = graph_dot(y);
  EXPECT_TRUE(contains(dot, "GradSum of 5")) << dot;
  EXPECT_EQ(dot.find("GradSum"), dot.rfind("GradSum of")) << dot;
}

TEST(GradSum, StandsInThePictureBetweenTheValueAndItsUses) {
  const Variable x = leaf({3}, "x");
  const std::string svg = graph_svg(plus(times(x, x), x));
  EXPECT_TRUE(contains(svg, "<text")) << svg;
  EXPECT_TRUE(contains(svg, ">GradSum of 3</text>")) << svg;
  EXPECT_TRUE(contains(svg, "data-from=\"v0\" data-to=\"s0\"")) << svg;
  EXPECT_FALSE(contains(svg, "data-from=\"v0\" data-to=\"f")) << svg;
}

TEST(GradSum, DoesNotWriteIntoTheSeed) {
  const Variable x = leaf({1, 2});
  const Tensor seed = Tensor::of({2}, {5.f, 7.f});
  const Variable y = flat(x);  // hands the seed itself on
  plus(y, flat(y)).backward(seed);
  EXPECT_EQ(list(seed), (Floats{5, 7}));
  EXPECT_EQ(list(x.grad()), (Floats{10, 14}));
}

TEST(GradSum, DoesNotWriteIntoAGradientThatSomebodyHolds) {
  const Variable x = leaf({1, 2});
  flat(x).backward(Tensor::of({2}, {5.f, 7.f}));
  const Tensor first = x.grad();
  flat(x).backward(Tensor::of({2}, {1.f, 1.f}));
  EXPECT_EQ(list(first), (Floats{5, 7}));
  EXPECT_EQ(list(x.grad()), (Floats{6, 8}));
}

TEST(GradSum, KeepsTheGradientsOfTwoLeavesApartThatShareOneSeed) {
  const Variable a = leaf({1}), b = leaf({2});
  const Tensor seed = Tensor::of({1}, {3.f});
  flat(a).backward(seed);
  flat(b).backward(seed);
  flat(a).backward(seed);
  EXPECT_EQ(list(a.grad()), Floats{6});
  EXPECT_EQ(list(b.grad()), Floats{3});
}

/// y_(l+1) = y_l + w_l y_l, so dy/dx = prod (1 + w_l) and dy/dw_l = y / (1 + w_l).
TEST(Residual, NetOfFiftyBlocksHasItsClosedForm) {
  const Variable x = leaf({2});
  std::vector<Variable> w;
  Variable y = x;
  double product = 1;
  for (int l = 0; l < 50; ++l) {
    const float value = 0.01f * static_cast<float>(l % 7);
    w.push_back(leaf({value}));
    y = plus(y, times(w.back(), y));
    product *= 1 + static_cast<double>(value);
  }
  y.backward();
  EXPECT_NEAR(list(x.grad())[0], product, 1e-5 * product);
  for (const Variable& v : w) {
    const double want = 2 * product / (1 + static_cast<double>(list(v.data())[0]));
    EXPECT_NEAR(list(v.grad())[0], want, 1e-5 * want);
  }
}

TEST(Residual, OneWeightInEveryBlockGetsTheSum) {
  const Variable x = leaf({2}), w = leaf({0.125f});
  Variable y = x;
  for (int l = 0; l < 20; ++l) y = plus(y, times(w, y));
  y.backward();
  const double want = 20 * 2 * std::pow(1.125, 19);  // d/dw x (1 + w)^20
  EXPECT_NEAR(list(w.grad())[0], want, 1e-5 * want);
  EXPECT_NEAR(list(x.grad())[0], std::pow(1.125, 20), 1e-4);
}

/// Fibonacci: every value is used twice, by calls of different depth.
TEST(Residual, SkipsOfTwoMakeFibonacciNumbers) {
  const Variable x = leaf({1});
  Variable before = x, y = x;
  for (int l = 0; l < 30; ++l) before = std::exchange(y, plus(y, before));
  y.backward();
  EXPECT_EQ(list(x.grad()), Floats{2178309});
}

TEST(Backward, GoesThroughACallOfWhichOneOutputIsUsed) {
  const Variable x = leaf({4});
  const auto y = apply(fork_op, std::make_shared<Fork::Attributes>(), std::vector<Variable>{x});
  y[1].backward();
  EXPECT_EQ(list(x.grad()), Floats{2});
}

TEST(Backward, SumsBothOutputsOfOneCall) {
  const Variable x = leaf({4});
  const auto y = apply(fork_op, std::make_shared<Fork::Attributes>(), std::vector<Variable>{x});
  times(y[0], y[1]).backward();  // 2 x^2
  EXPECT_EQ(list(x.grad()), Floats{16});
}

TEST(Backward, AddsToTheGradientOfAnEarlierOne) {
  const Variable x = leaf({3});
  times(x, x).backward();
  times(x, x).backward();
  EXPECT_EQ(list(x.grad()), Floats{12});
}

TEST(Backward, OfALeafIsTheSeed) {
  const Variable x = leaf({3, 4});
  x.backward(Tensor::of({2}, {2.f, 5.f}));
  EXPECT_EQ(list(x.grad()), (Floats{2, 5}));
}

}  // namespace
}  // namespace hone::tests
