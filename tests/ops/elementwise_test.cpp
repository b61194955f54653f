/// The public functions that work element by element, on numbers small enough to check by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <hone/error.h>
#include <hone/functions.h>

#include "ops/kernels/float_exp.h"

namespace hone {
namespace {

using Floats = std::vector<float>;

template <class T = float>
std::vector<T> values(const Tensor& t) {
  const auto v = t.data<T>();
  return {v.begin(), v.end()};
}

Variable leaf(Shape shape, std::initializer_list<float> numbers) {
  return {Tensor::of<float>(shape, numbers), Grad::yes};
}

void back(const Variable& y) {
  Tensor ones(TensorType(DType::float32, y.shape()));
  for (float& v : ones.mutable_data<float>()) v = 1;
  y.backward(ones);
}

template <class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(elementwise, a_value_used_twice_gets_both_gradients) {
  const Variable x = leaf({2}, {3, -1});
  back(x * x + x);
  EXPECT_EQ(values(x.grad()), (Floats{7, -1}));
}

TEST(elementwise, operators_take_a_float_on_either_side) {
  const Variable x = leaf({2}, {2, 4});
  EXPECT_EQ(values((x + 1).data()), (Floats{3, 5}));
  EXPECT_EQ(values((1 + x).data()), (Floats{3, 5}));
  EXPECT_EQ(values((x - 1).data()), (Floats{1, 3}));
  EXPECT_EQ(values((1 - x).data()), (Floats{-1, -3}));
  EXPECT_EQ(values((x * 3).data()), (Floats{6, 12}));
  EXPECT_EQ(values((3 * x).data()), (Floats{6, 12}));
  EXPECT_EQ(values((x / 4).data()), (Floats{0.5f, 1}));
  EXPECT_EQ(values((8 / x).data()), (Floats{4, 2}));
  EXPECT_EQ(values((-x).data()), (Floats{-2, -4}));
}

TEST(elementwise, a_repeated_operand_gets_the_sum_of_its_gradients) {
  const Variable x = leaf({2, 3}, {1, 2, 3, 4, 5, 6});
  const Variable b = leaf({3}, {10, 20, 30});
  const Variable s = leaf({}, {2});
  back((x + b) * s);
  EXPECT_EQ(values(x.grad()), (Floats{2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(values(b.grad()), (Floats{4, 4, 4}));
  EXPECT_EQ(values(s.grad()), (Floats{141}));
}

TEST(elementwise, quotients_and_powers_have_gradients_for_both_operands) {
  const Variable a = leaf({2}, {6, -1}), b = leaf({2}, {2, 4});
  back(div(a, b));
  EXPECT_EQ(values(a.grad()), (Floats{0.5f, 0.25f}));
  EXPECT_EQ(values(b.grad()), (Floats{-1.5f, 0.0625f}));
  const Variable c = leaf({2}, {1, 0}), d = leaf({2}, {3, 2});
  back(pow(c, d));
  EXPECT_EQ(values(c.grad()), (Floats{3, 0}));
  EXPECT_EQ(values(d.grad()), (Floats{0, 0}));
}

TEST(elementwise, on_a_tie_the_first_operand_gets_the_gradient) {
  const Variable a = leaf({3}, {1, 2, 3}), b = leaf({3}, {2, 2, 2});
  back(maximum(a, b) + minimum(a, b));
  EXPECT_EQ(values(a.grad()), (Floats{1, 2, 1}));
  EXPECT_EQ(values(b.grad()), (Floats{1, 0, 1}));
}

TEST(elementwise, at_a_corner_the_gradient_is_that_of_the_format) {
  const Variable x = leaf({3}, {-0.5f, 0, 6});
  back(abs(x));
  EXPECT_EQ(values(x.grad()), (Floats{-1, 0, 1}));
  const Variable u = leaf({3}, {-0.5f, 0, 6}), v = leaf({3}, {-0.5f, 0, 6});
  back(relu6(u) + leaky_relu(v, 0.25f));
  EXPECT_EQ(values(u.grad()), (Floats{0, 0, 0}));
  EXPECT_EQ(values(v.grad()), (Floats{0.25f, 0.25f, 1}));
}

TEST(elementwise, functions_agree_with_their_closed_forms) {
  const Variable x = leaf({1}, {0.75f});
  const auto value = [&](const Variable& y) { return static_cast<double>(y.item()); };
  EXPECT_NEAR(value(exp(x)), std::exp(0.75), 1e-6);
  EXPECT_NEAR(value(log(x)), std::log(0.75), 1e-7);
  EXPECT_NEAR(value(sqrt(x)), std::sqrt(0.75), 1e-7);
  EXPECT_NEAR(value(rsqrt(x)), 1 / std::sqrt(0.75), 1e-7);
  EXPECT_NEAR(value(tanh(x)), std::tanh(0.75), 1e-7);
  EXPECT_NEAR(value(sigmoid(x)), 1 / (1 + std::exp(-0.75)), 1e-7);
  EXPECT_NEAR(value(hard_swish(x)), 0.75 * 3.75 / 6, 1e-7);
  EXPECT_NEAR(value(squared_difference(x, leaf({1}, {0.5f}))), 0.0625, 0);
}

/// The largest error of `got` among many floats of all sizes, in units of the last place.
template <class F, class G>
double worst_ulps(const F& got, const G& want) {
  double worst = 0;
  for (std::uint32_t bits = 0; bits < 0xFFFF0000u; bits += 65521) {
    const float x = std::bit_cast<float>(bits);
    const auto y = static_cast<double>(want(static_cast<double>(x)));
    const auto nearest = static_cast<float>(y);
    if (!std::isfinite(x) || !std::isfinite(nearest)) continue;
    const float next = std::nextafter(nearest, std::numeric_limits<float>::infinity());
    if (!std::isfinite(next)) continue;
    const double unit = static_cast<double>(next) - static_cast<double>(nearest);
    worst = std::max(worst, std::abs(static_cast<double>(got(x)) - y) / unit);
  }
  return worst;
}

TEST(elementwise, the_exponential_is_within_1_unit_in_the_last_place) {
  EXPECT_LT(worst_ulps(fast_exp, [](double x) { return std::exp(x); }), 1.0);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(fast_exp(infinity), infinity);
  EXPECT_EQ(fast_exp(-infinity), 0.0f);
  EXPECT_TRUE(std::isnan(fast_exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(elementwise, sigmoid_and_tanh_are_within_2_and_a_half_units_in_the_last_place) {
  EXPECT_LT(worst_ulps(fast_sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }), 2.5);
  EXPECT_LT(worst_ulps(fast_tanh, [](double x) { return std::tanh(x); }), 2.5);
}

TEST(elementwise, softmax_of_large_logits_neither_overflows_nor_loses_its_tail) {
  const Variable x = leaf({1, 3}, {1000, 999, 0});
  const double p = 1 / (1 + std::exp(-1.0));
  EXPECT_NEAR(static_cast<double>(values(softmax(x).data())[0]), p, 1e-6);
  EXPECT_NEAR(static_cast<double>(values(softmax(x, 2).data())[0]), 1 / (1 + std::exp(-2.0)), 1e-6);
  EXPECT_EQ(values(log_softmax(x).data())[2], -1000 + static_cast<float>(std::log(p)));
}

TEST(elementwise, integers_wrap_and_divide_towards_zero) {
  const std::int32_t top = std::numeric_limits<std::int32_t>::max(), low = -top - 1;
  const Variable a(Tensor::of<std::int32_t>({3}, {top, low, -7}));
  const Variable b(Tensor::of<std::int32_t>({3}, {1, -1, 2}));
  using Ints = std::vector<std::int32_t>;
  EXPECT_EQ(values<std::int32_t>((a + b).data()), (Ints{low, top, -5}));
  EXPECT_EQ(values<std::int32_t>((a / b).data()), (Ints{top, low, -3}));
  EXPECT_EQ(values<std::int32_t>((-a).data()), (Ints{-top, low, 7}));
}

TEST(elementwise, int8_keeps_its_scale_where_the_function_allows_it) {
  QuantParams q;
  q.scale = 0.5f;
  q.zero_point = 10;
  const std::vector<std::int8_t> numbers{-128, 0, 10, 20};
  const Variable x(Tensor::of<std::int8_t>({4}, numbers, q));
  const Variable y = relu(x);
  EXPECT_EQ(static_cast<const QuantParams&>(y.type()), q);
  EXPECT_EQ(values<std::int8_t>(y.data()), (std::vector<std::int8_t>{10, 10, 10, 20}));
  EXPECT_EQ(sigmoid(x).type().scale, 1.0f / 256);
  EXPECT_NE(message([&] { add(x, x); }).find("expected a quantized int8 output"),
            std::string::npos);
}

TEST(elementwise, errors_say_what_does_not_fit) {
  const Variable a = leaf({2, 3}, {1, 2, 3, 4, 5, 6}), b = leaf({2}, {1, 2});
  EXPECT_EQ(message([&] { a + b; }),
            "[ADD] expected shapes that broadcast to one another, got [2, 3] and [2]");
  const Variable i(Tensor::of<std::int32_t>({2}, {1, 0}));
  EXPECT_EQ(message([&] { i / i; }), "[DIV] expected divisors other than 0, got a divisor of 0");
  EXPECT_EQ(message([&] { pow(i, -i); }), "[POW] expected exponents of 0 or more, got -1");
}

}  // namespace
}  // namespace hone
