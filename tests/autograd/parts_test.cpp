// Gradients of a large product of matrices, some rows of its weights at a time: the same bits as at
// once.

#include <vector>

#include <gtest/gtest.h>
#include <hone/functions.h>
#include <hone/optim.h>

#include "tests/autograd/toy_ops.h"

namespace hone::tests {
namespace {

// 40 rows of 300 make more than one part, the last one of other size
constexpr std::int64_t samples = 7, columns = 300, rows = 40;

std::vector<float> numbers(std::int64_t n, std::uint32_t state) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  return v;
}

Tensor drawn(const Shape& shape, std::uint32_t seed) {
  return Tensor::of<float>(shape, numbers(static_cast<std::int64_t>(shape.numel()), seed));
}

/// An int8 weight with a scale for each row.
Tensor quantized_weights() {
  std::vector<std::int8_t> q;
  for (const float v : numbers(rows * columns, 3)) q.push_back(static_cast<std::int8_t>(v * 127));
  std::vector<float> scales;
  for (std::int64_t o = 0; o < rows; ++o) scales.push_back(0.01f + 0.001f * static_cast<float>(o));
  QuantParams quant;
  quant.axis = 0;
  quant.axis_scales = std::make_shared<const std::vector<float>>(scales);
  return Tensor::of<std::int8_t>({rows, columns}, q, quant);
}

/// Takes whole gradients only, and keeps them.
struct Keeps : GradientSink {
  bool take(const VariableNode*, const Tensor& grad) override {
    grads.push_back(list(grad));
    return true;
  }
  std::vector<std::vector<float>> grads;
};

/// Takes parts too, and puts them together.
struct Collects final : Keeps {
  bool takes_parts(const VariableNode* leaf) const override { return leaf == only; }
  void take_part(const VariableNode*, std::size_t begin, const Tensor& grad) override {
    if (begin == 0) grads.emplace_back();
    ++parts;
    EXPECT_EQ(grads.back().size(), begin);
    for (const float g : grad.data<float>()) grads.back().push_back(g);
  }
  const VariableNode* only = nullptr;
  int parts = 0;
};

TEST(Parts, OfAFullyConnectedLayerAreTheWhole) {
  const auto run = [](GradientSink& sink, const Variable& w) {
    const Variable x(drawn({samples, columns}, 1), Grad::yes), b(drawn({rows}, 2), Grad::yes);
    fully_connected(x, w, b).backward(drawn({samples, rows}, 4), &sink);
  };
  const Variable w(drawn({rows, columns}, 3), Grad::yes);
  Keeps whole;
  run(whole, w);
  Collects parts;
  parts.only = w.node().get();
  run(parts, w);
  EXPECT_EQ(parts.parts, 2);
  ASSERT_EQ(whole.grads.size(), 3u);  // x, w, b
  ASSERT_EQ(parts.grads.size(), 3u);
  // w comes before the others now
  EXPECT_EQ(parts.grads[0], whole.grads[1]);
  EXPECT_EQ(parts.grads[1], whole.grads[0]);
  EXPECT_EQ(parts.grads[2], whole.grads[2]);
}

TEST(Parts, OfAConvolutionReachItsInputUnchanged) {
  const auto run = [](const Tensor& weights, GradientSink* sink) {
    const Variable x(drawn({1, 3, 2, columns}, 1), Grad::yes), w(weights, Grad::yes);
    conv_2d(x, w).backward(drawn({1, 3, 2, rows}, 4), sink);
    return std::pair{list(x.grad()), list(w.grad())};
  };
  // integers are widened in parts; floats are not, where nobody takes parts
  const Tensor q = quantized_weights().reshaped({rows, 1, 1, columns});
  const auto parts = run(q, nullptr), whole = run(q.to_float(), nullptr);
  EXPECT_EQ(parts.first, whole.first);
  EXPECT_EQ(parts.second, whole.second);
}

TEST(Parts, AValueThatTwoCallsUseIsNeverTakenInParts) {
  const Variable w(drawn({rows, columns}, 3), Grad::yes), x(drawn({samples, columns}, 1));
  Collects sink;
  sink.only = w.node().get();
  const Variable y = add(fully_connected(x, w), fully_connected(x, w));
  y.backward(drawn({samples, rows}, 4), &sink);
  EXPECT_EQ(sink.parts, 0);  // its sum, whole
  ASSERT_EQ(sink.grads.size(), 1u);
}

TEST(Parts, AFusedStepMovesTheSameBits) {
  for (const Update update : {Update::shadow, Update::in_place}) {
    const auto trained = [&](bool fused) {
      const auto w = std::make_shared<Parameter>(quantized_weights(), "w", Parameter::Place{},
                                                 ParameterOptions{.update = update});
      Momentum optimizer(Parameters({w}), {.lr = 0.1f});
      for (int step = 0; step < 3; ++step) {
        const Variable x(drawn({samples, columns}, 1), Grad::yes);
        const Variable y = fully_connected(x, w->variable());
        const Tensor seed = drawn({samples, rows}, 5);
        if (fused) {
          optimizer.step(y, seed);
        } else {
          y.backward(seed);
          optimizer.step();
        }
      }
      const auto q = w->tensor().data<std::int8_t>();
      return std::vector<std::int8_t>(q.begin(), q.end());
    };
    EXPECT_EQ(trained(true), trained(false));
  }
}

}  // namespace
}  // namespace hone::tests
