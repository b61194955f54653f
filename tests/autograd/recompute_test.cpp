/// Calls that backward runs again give what kept values give, in less memory.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/autograd/toy_ops.h"

namespace hone::tests {
namespace {

int forwards = 0;

/// y = min(max(x * x, 0), 6), counted; the gradient is masked where y is 0 or 6.
struct Square {
  static constexpr std::string_view name = "SQUARE";
  static constexpr Saves saves = Saves::inputs;
  struct Attributes {
    Activation activation = Activation::relu6;
  };
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    ++forwards;
    const auto x = f.input<float>(0);
    std::transform(x.begin(), x.end(), f.output<float>(0).begin(),
                   [](float v) { return std::min(v * v, 6.0f); });
  }
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto x = b.saved_input(0), gy = b.output_grad(0);
    for (std::size_t i = 0; i < x.size(); ++i) b.input_grad(0)[i] = 2 * x[i] * gy[i];
  }
};

/// y = sqrt(x), by its output.
struct Root {
  static constexpr std::string_view name = "ROOT";
  static constexpr Saves saves = Saves::outputs;
  struct Attributes {};
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const auto x = f.input<float>(0);
    std::transform(x.begin(), x.end(), f.output<float>(0).begin(),
                   [](float v) { return std::sqrt(v); });
  }
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto y = b.saved_output(0), gy = b.output_grad(0);
    for (std::size_t i = 0; i < y.size(); ++i) b.input_grad(0)[i] = gy[i] / (2 * y[i]);
  }
};

constinit const OpDef square_op = define<Square>();
constinit const OpDef root_op = define<Root>();

template <class Op>
Variables call(const OpDef& op, std::initializer_list<Variable> inputs, bool recomputed) {
  return apply(op, std::make_shared<typename Op::Attributes>(),
               std::span(inputs.begin(), inputs.size()), {.recomputed = recomputed});
}

Variable square(const Variable& x, bool recomputed) {
  return call<Square>(square_op, {x}, recomputed)[0];
}
Variable product(const Variable& a, const Variable& b, bool recomputed = true) {
  return call<Times>(times_op, {a, b}, recomputed)[0];
}

/// The gradients of x and w where every op of the graph is run again, or none.
std::vector<Floats> gradients(bool recomputed) {
  const Variable x = leaf({0.5f, -1.25f, 2, 3}), w = leaf({1.5f, 0.25f, -2, 1});
  const Variable a = square(x, recomputed);      // 3 * 3 is cut off at 6
  const Variable b = product(a, w, recomputed);  // of a recomputed value
  const Variables c = call<Fork>(fork_op, {b}, recomputed);
  const Variable d = product(c[0], c[1], recomputed);  // of both outputs of one call
  const Variable e = call<Root>(root_op, {product(d, d, recomputed)}, recomputed)[0];
  const Variable f = call<Flat>(flat_op, {square(e, recomputed)}, recomputed)[0];
  product(product(f, a, recomputed), a, recomputed).backward();  // a is used three times
  return {list(x.grad()), list(w.grad())};
}

TEST(Recompute, GivesTheGradientsOfKeptValues) {
  const std::vector<Floats> kept = gradients(false);
  EXPECT_EQ(gradients(true), kept);
  EXPECT_NE(kept[0][0], 0);
  EXPECT_EQ(kept[0][3], 0) << "the mask of a recomputed output";
}

TEST(Recompute, OfASquareByHand) {
  const Variable x = leaf({2}), w = leaf({3});
  product(square(x, true), w, false).backward();  // x * x * w
  EXPECT_EQ(list(x.grad()), Floats{12});
  EXPECT_EQ(list(w.grad()), Floats{4});
}

TEST(Recompute, RunsACallOnceMoreHoweverManyNeedIt) {
  forwards = 0;
  const Variable x = leaf({2}), w = leaf({3});
  const Variable y = square(x, true);
  const Variable z = times(times(y, w), times(y, y));
  EXPECT_EQ(forwards, 1);
  z.backward();
  EXPECT_EQ(forwards, 2);
}

TEST(Recompute, RunsNothingThatNoGradientNeeds) {
  forwards = 0;
  const Variable x = leaf({2}), unused = square(x, true);
  plus(x, x).backward();
  EXPECT_EQ(forwards, 1);
}

constexpr std::int64_t many = 1 << 16;
constexpr std::size_t value_bytes = many * sizeof(float);

Variable ones() {
  Tensor x(TensorType(DType::float32, {many}));
  std::fill_n(x.mutable_data<float>().data(), many, 1.0f);
  return Variable(x, Grad::yes);
}

TEST(Recompute, KeepsEveryOtherValueOfAChain) {
  constexpr std::size_t pairs = 10;
  const std::size_t before = memory_use().current_bytes;
  Variable y = ones();
  for (std::size_t k = 0; k < pairs; ++k) y = times(square(y, true), y);
  const std::size_t full = memory_use().current_bytes - before;
  EXPECT_LE(full, (pairs + 2) * value_bytes) << "x and the products";
  reset_peak();
  y.backward();
  EXPECT_LE(memory_use().peak_bytes - before, full + 6 * value_bytes);
}

TEST(Recompute, IsNotSpoiledByAView) {
  const std::size_t before = memory_use().current_bytes;
  const Variable x = ones(), w = ones();
  const Variable y = times(flat(square(x, true)), w);
  EXPECT_LE(memory_use().current_bytes - before, 3 * value_bytes + 4096) << "x, w and y";
  y.backward();
  EXPECT_EQ(x.grad().data<float>()[0], 2);
  EXPECT_EQ(w.grad().data<float>()[0], 1);
}

TEST(Recompute, RefusesAnInputThatWasWrittenTo) {
  Tensor values = Tensor::of({1}, {3.f});
  const Variable b(values, Grad::yes, "bias"), x = leaf({2});
  const Variable y = product(call<Plus>(plus_op, {x, b}, true)[0], x, false);
  values.mutable_data<float>()[0] = 4;
  values.bump_version();
  const std::string error = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(error, "bias") && contains(error, "PLUS")) << error;
  EXPECT_FALSE(x.grad());
}

/// Overwrites w as soon as its gradient is complete.
struct Overwrites final : GradientSink {
  bool take(const VariableNode* leaf, const Tensor& grad) override {
    if (leaf == x.node().get()) {
      gx = list(grad);
    } else {
      values.mutable_data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
      values.bump_version();
    }
    return true;
  }
  Tensor values = Tensor::of({1}, {3.f});
  Variable w{values, Grad::yes}, x = leaf({2});
  Floats gx;
};

TEST(Recompute, ReadsAWeightBeforeItIsUpdated) {
  Overwrites o;
  product(product(o.x, o.w), o.w).backward({}, &o);  // x * w * w
  EXPECT_EQ(o.gx, Floats{9});
  EXPECT_NE(o.values.data<float>()[0], 3) << "it was never updated";
}

TEST(Recompute, OfALongChainNeedsNoStack) {
  on_a_small_stack([] {
    const Variable x = leaf({1}), one = leaf({1});
    Variable y = x;
    for (int k = 0; k < 200'000; ++k) y = product(y, one);
    y.backward();
    EXPECT_EQ(list(x.grad()), Floats{1});
    EXPECT_EQ(list(one.grad()), Floats{200'000});
  });
}

}  // namespace
}  // namespace hone::tests
