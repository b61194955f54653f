#include <gtest/gtest.h>

#include "tests/autograd/toy_ops.h"

namespace hone::tests {
namespace {

// More calls than the stack has room for, either way; AddressSanitizer takes half a minute more.
#if defined(HONE_SANITIZED)
constexpr int chain_length = 100'000;
#else
constexpr int chain_length = 1'000'000;
#endif

Variable chain(const Variable& x, int length) {
  const Variable one = fixed({1});
  Variable y = x;
  for (int k = 0; k < length; ++k) y = plus(y, one);
  return y;
}

TEST(Chain, OfAMillionNodesRunsBackwardUnderASmallStack) {
  on_a_small_stack([] {
    const Variable x = leaf({0});
    const Variable y = chain(x, chain_length);
    EXPECT_GE(live_nodes(), 2u * chain_length);
    EXPECT_EQ(y.item(), static_cast<float>(chain_length));
    y.backward();
    EXPECT_EQ(list(x.grad()), Floats{1});
  });
  EXPECT_EQ(live_nodes(), 0u);
}

TEST(Chain, OfAMillionNodesIsDroppedUnderASmallStack) {
  on_a_small_stack([] {
    const Variable x = leaf({0});
    chain(x, chain_length);
    EXPECT_EQ(live_nodes(), 1u) << "only x is left";
  });
}

TEST(Chain, OfBranchesIsDroppedUnderASmallStack) {
  on_a_small_stack([] {
    Variable y = leaf({1});
    for (int k = 0; k < 100'000; ++k) y = times(plus(y, y), fixed({0.5f}));
    y.backward();
    y = {};
    EXPECT_EQ(live_nodes(), 0u);
  });
}

TEST(Graph, IsNotRecordedWhereNothingWantsAGradient) {
  const std::size_t before = live_nodes();
  const Variable y = plus(fixed({1}), fixed({2}));
  EXPECT_EQ(live_nodes(), before);
  EXPECT_FALSE(y.requires_grad());
}

TEST(Graph, IsNotRecordedUnderNoGrad) {
  const Variable x = leaf({1});
  const std::size_t before = live_nodes();
  {
    const NoGrad off;
    EXPECT_FALSE(plus(x, x).requires_grad());
    EXPECT_EQ(live_nodes(), before);
  }
  EXPECT_TRUE(plus(x, x).requires_grad());
}

TEST(Graph, GoesWithItsLastHandle) {
  const std::size_t nodes = live_nodes(), bytes = memory_use().current_bytes;
  {
    Variable y = leaf({1, 2, 3});
    for (int k = 0; k < 10; ++k) y = times(y, y);
    EXPECT_GT(live_nodes(), nodes);
  }
  EXPECT_EQ(live_nodes(), nodes);
  EXPECT_EQ(memory_use().current_bytes, bytes);
}

TEST(Graph, KeepsNoValueThatNoBackwardNeeds) {
  constexpr std::int64_t n = 1 << 16;
  Variable x(Tensor::zeros(TensorType(DType::float32, {n})), Grad::yes);
  const std::size_t before = memory_use().current_bytes;
  Variable y = x;
  for (int k = 0; k < 10; ++k) y = plus(y, x);  // retains nothing: only the last value lives
  EXPECT_LE(memory_use().current_bytes, before + 2 * n * sizeof(float));
}

TEST(Graph, KeepsNoInputForTheGradientOfABias) {
  const TensorType type(DType::float32, {1 << 16});
  const Variable x(Tensor::zeros(type), Grad::yes), b(Tensor::zeros(type), Grad::yes);
  Tensor twos(type);
  std::fill_n(twos.mutable_data<float>().data(), type.numel(), 2.0f);
  const Variable w(twos);
  const std::size_t before = memory_use().current_bytes;
  const Variable y = affine(plus(x, x), w, b);
  EXPECT_LE(memory_use().current_bytes, before + type.bytes() + 4096) << "y alone";
  y.backward();
  EXPECT_EQ(x.grad().data<float>()[0], 4);
  EXPECT_EQ(b.grad().data<float>()[0], 1);
}

TEST(Graph, IsFreedWhileBackwardPasses) {
  constexpr std::size_t n = 1 << 16, blocks = 20;
  Variable x(Tensor::zeros(TensorType(DType::float32, {n})), Grad::yes);
  Variable y = x;
  for (std::size_t k = 0; k < blocks; ++k) y = times(y, y);
  const std::size_t full = memory_use().current_bytes;
  EXPECT_GE(full, blocks * n * sizeof(float));
  reset_peak();
  y.backward();
  EXPECT_LE(memory_use().peak_bytes, full + 6 * n * sizeof(float));
  EXPECT_LE(memory_use().current_bytes, 4 * n * sizeof(float)) << "x, y and one gradient";
}

TEST(Graph, RefusesASecondBackward) {
  const Variable x = leaf({3});
  const Variable y = times(x, x);
  y.backward();
  const std::string error = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(error, "TIMES") && contains(error, "freed")) << error;
  EXPECT_EQ(list(x.grad()), Floats{6}) << "the refused backward has changed it";
}

TEST(Graph, RefusesBackwardThroughAPartThatWasFreed) {
  const Variable x = leaf({3});
  const Variable shared = times(x, x);
  const Variable y = plus(shared, x), z = plus(shared, shared);
  y.backward();
  const std::string error = error_of([&] { z.backward(); });
  EXPECT_TRUE(contains(error, "freed")) << error;
  EXPECT_EQ(list(x.grad()), Floats{7});
}

TEST(Graph, NamesAWeightThatMovedSinceForward) {
  Tensor values = Tensor::of({1}, {3.f});
  const Variable w(values, Grad::yes, "dense/kernel"), x = leaf({2});
  const Variable y = times(w, x);
  values.mutable_data<float>()[0] = 4;
  values.bump_version();
  const std::string error = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(error, "dense/kernel") && contains(error, "TIMES")) << error;
  EXPECT_FALSE(x.grad());
}

TEST(Graph, AllowsAMovedWeightThatNoBackwardNeeds) {
  Tensor values = Tensor::of({1}, {3.f});
  const Variable w(values, Grad::yes, "bias");
  const Variable y = plus(w, fixed({1}));
  values.bump_version();
  y.backward();
  EXPECT_EQ(list(w.grad()), Floats{1});
}

TEST(Graph, RefusesAnOpWithoutAGradientAndNamesIt) {
  const Variable x = leaf({3});
  const Variable y = plus(apply_one(floor_op, Floor::Attributes{}, {x}), x);
  const std::string error = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(error, "FLOOR_WITHOUT_GRADIENT")) << error;
  EXPECT_FALSE(x.grad()) << "a part of the gradient was left behind";
}

TEST(Variable, RefusesAGradientOfPlainIntegers) {
  const std::string error =
      error_of([] { Variable(Tensor::of<std::int32_t>({1}, {1}), Grad::yes); });
  EXPECT_TRUE(contains(error, "int32")) << error;
}

TEST(Variable, DetachedStopsTheGradient) {
  const Variable x = leaf({3});
  times(x, times(x, x).detached()).backward();
  EXPECT_EQ(list(x.grad()), Floats{9});
}

TEST(Variable, WithoutAGraphRefusesBackward) {
  EXPECT_TRUE(contains(error_of([] { fixed({1}).backward(); }), "backward"));
}

TEST(Variable, RefusesASeedOfAnotherShape) {
  const Variable x = leaf({1, 2});
  const Variable y = plus(x, x);
  const std::string error = error_of([&] { y.backward(Tensor::of({1}, {1.f})); });
  EXPECT_TRUE(contains(error, "[2]")) << error;
}

TEST(DetectNan, NamesTheOpThatMadeTheFirstOne) {
  const Variable x = leaf({3e38f});
  const Variable y = plus(times(x, fixed({10})), x);
  const DetectNan on;
  const std::string error = error_of([&] { y.backward(Tensor::of({1}, {3e38f})); });
  EXPECT_TRUE(contains(error, "TIMES")) << error;
}

TEST(DetectNan, LeavesNothingBehindForTheNextBackward) {
  const Variable x = leaf({3});
  {
    const DetectNan on;
    const Variable y = plus(times(x, fixed({10})), x);
    EXPECT_NE(error_of([&] { y.backward(Tensor::of({1}, {3e38f})); }), "");
  }
  x.backward(Tensor::of({1}, {1.f}));
  EXPECT_EQ(list(x.grad()), Floats{1});
}

}  // namespace
}  // namespace hone::tests
