/// The public functions of layers and pools, on numbers small enough to check by hand.

#include <gtest/gtest.h>

#include <vector>

#include <hone/error.h>
#include <hone/functions.h>

namespace hone {
namespace {

std::vector<float> floats(const Tensor& t) {
  const auto v = t.data<float>();
  return {v.begin(), v.end()};
}

Variable leaf(Shape shape, std::initializer_list<float> values) {
  return {Tensor::of<float>(shape, values), Grad::yes};
}

TEST(layers, conv_2d_sums_the_window_and_adds_the_bias) {
  const Variable x = leaf({1, 2, 2, 1}, {1, 2, 3, 4}), w = leaf({1, 2, 2, 1}, {1, 10, 100, 1000});
  const Variable b = leaf({1}, {0.5f});
  const Variable y = conv_2d(x, w, b, {.padding = Padding::valid});
  EXPECT_EQ(floats(y.data()), (std::vector<float>{4321.5f}));
  y.backward();
  EXPECT_EQ(floats(x.grad()), floats(w.data()));
  EXPECT_EQ(floats(w.grad()), floats(x.data()));
  EXPECT_EQ(floats(b.grad()), (std::vector<float>{1}));
}

TEST(layers, the_gradient_of_an_image_that_wants_none_is_not_made) {
  const Variable x(Tensor::of<float>({1, 1, 1, 1}, {3}));
  const Variable w = leaf({1, 1, 1, 1}, {2});
  conv_2d(x, w).backward();
  EXPECT_FALSE(x.grad());
  EXPECT_EQ(floats(w.grad()), (std::vector<float>{3}));
}

TEST(layers, depthwise_conv_2d_keeps_channels_apart) {
  const Variable x = leaf({1, 1, 1, 2}, {3, 5}), w = leaf({1, 1, 1, 4}, {1, 2, 10, 20});
  EXPECT_EQ(floats(depthwise_conv_2d(x, w).data()), (std::vector<float>{3, 6, 50, 100}));
}

TEST(layers, fully_connected_multiplies_by_the_transposed_weights) {
  const Variable x = leaf({1, 2}, {1, 2}), w = leaf({2, 2}, {1, 10, 100, 1000});
  const Variable y = fully_connected(x, w, leaf({2}, {1, 2}));
  EXPECT_EQ(floats(y.data()), (std::vector<float>{22, 2102}));
  y.backward();
  EXPECT_EQ(floats(x.grad()), (std::vector<float>{101, 1010}));
}

TEST(layers, integer_weights_meet_inputs_rounded_to_int8) {
  const Variable x = leaf({1, 2}, {127, -63.4f});
  const Variable w(
      Tensor::of<std::int8_t>({1, 2}, std::vector<std::int8_t>{1, 2}, {.scale = 0.5f}));
  EXPECT_EQ(floats(fully_connected(x, w).data()), (std::vector<float>{0.5f * (127 - 2 * 63)}));
}

TEST(layers, batch_matmul_sums_the_gradient_of_a_broadcast_matrix) {
  const Variable x = leaf({2, 1, 1}, {2, 3}), y = leaf({1, 1}, {5});
  const Variable z = batch_matmul(x, y);
  EXPECT_EQ(floats(z.data()), (std::vector<float>{10, 15}));
  z.backward();
  EXPECT_EQ(floats(y.grad()), (std::vector<float>{5}));
}

TEST(layers, average_pool_2d_does_not_count_padding) {
  const Variable x = leaf({1, 1, 3, 1}, {2, 4, 9});
  const PoolOptions options{
      .filter_h = 1, .filter_w = 2, .stride_h = 1, .stride_w = 2, .padding = Padding::same};
  EXPECT_EQ(floats(average_pool_2d(x, options).data()), (std::vector<float>{3, 9}));
}

TEST(layers, max_pool_2d_gives_the_gradient_to_the_first_of_equals) {
  const Variable x = leaf({1, 2, 2, 1}, {1, 7, 7, 7});
  max_pool_2d(x).backward();
  EXPECT_EQ(floats(x.grad()), (std::vector<float>{0, 1, 0, 0}));
}

TEST(layers, an_integer_convolution_without_an_output_scale_is_refused) {
  const Variable x(
      Tensor::of<std::int8_t>({1, 1, 1, 1}, std::vector<std::int8_t>{1}, {.scale = 1}));
  const Variable w(
      Tensor::of<std::int8_t>({1, 1, 1, 1}, std::vector<std::int8_t>{1}, {.scale = 1}));
  EXPECT_THROW(conv_2d(x, w), Error);
}

}  // namespace
}  // namespace hone
