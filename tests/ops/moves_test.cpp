/// The public functions that move, reduce and convert, on numbers small enough to check by hand.

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include <hone/error.h>
#include <hone/functions.h>

namespace hone {
namespace {

template <class T = float>
std::vector<T> values(const Tensor& t) {
  const auto v = t.data<T>();
  return {v.begin(), v.end()};
}

using Floats = std::vector<float>;

Variable leaf(Shape shape, std::initializer_list<float> numbers) {
  return {Tensor::of<float>(shape, numbers), Grad::yes};
}

Tensor seed(Shape shape, std::initializer_list<float> numbers) {
  return Tensor::of<float>(shape, numbers);
}

QuantParams affine(float scale, std::int32_t zero_point) {
  QuantParams q;
  q.scale = scale;
  q.zero_point = zero_point;
  return q;
}

TEST(moves, views_share_the_values_and_hand_gradients_back) {
  const Variable x = leaf({2, 1, 2}, {1, 2, 3, 4});
  const Variable y = expand_dims(squeeze(reshape(x, {1, -1}), {0}), -1);
  EXPECT_EQ(y.shape(), (Shape{4, 1}));
  EXPECT_TRUE(y.data().shares_storage(x.data()));
  y.backward(seed({4, 1}, {5, 6, 7, 8}));
  EXPECT_EQ(values(x.grad()), (Floats{5, 6, 7, 8}));
}

TEST(moves, transpose_and_its_gradient_are_inverse) {
  const Variable x = leaf({2, 3}, {1, 2, 3, 4, 5, 6});
  const Variable y = transpose(x, {1, 0});
  EXPECT_EQ(values(y.data()), (Floats{1, 4, 2, 5, 3, 6}));
  y.backward(y.data());
  EXPECT_EQ(values(x.grad()), values(x.data()));
}

TEST(moves, concatenation_splits_its_gradient_and_leaves_out_what_wants_none) {
  const Variable a = leaf({1, 2}, {1, 2}), c = leaf({1, 1}, {4});
  const Variable b(Tensor::of<float>({1, 1}, {3.f}));
  const Variable y = concatenation({a, b, c}, -1);
  EXPECT_EQ(values(y.data()), (Floats{1, 2, 3, 4}));
  y.backward(seed({1, 4}, {5, 6, 7, 8}));
  EXPECT_EQ(values(a.grad()), (Floats{5, 6}));
  EXPECT_FALSE(b.grad());
  EXPECT_EQ(values(c.grad()), (Floats{8}));
}

TEST(moves, one_value_packed_twice_gets_both_gradients) {
  const Variable x = leaf({2}, {1, 2});
  const Variable y = pack({x, x}, 1);
  EXPECT_EQ(values(y.data()), (Floats{1, 1, 2, 2}));
  y.backward(seed({2, 2}, {1, 10, 100, 1000}));
  EXPECT_EQ(values(x.grad()), (Floats{11, 1100}));
}

TEST(moves, pad_and_slice_undo_each_other) {
  const Variable x = leaf({2, 2}, {1, 2, 3, 4});
  const Variable y = slice(pad(x, {{1, 0}, {0, 2}}), {1, 0}, {-1, 2});
  EXPECT_EQ(values(y.data()), values(x.data()));
  y.backward(y.data());
  EXPECT_EQ(values(x.grad()), values(x.data()));
}

TEST(moves, what_a_strided_slice_leaves_out_has_gradient_zero) {
  const Variable x = leaf({5}, {1, 2, 3, 4, 5});
  const Variable y = strided_slice(x, {-1}, {0}, {-2});
  EXPECT_EQ(values(y.data()), (Floats{5, 3}));
  y.backward(seed({2}, {7, 8}));
  EXPECT_EQ(values(x.grad()), (Floats{0, 0, 8, 0, 7}));
}

TEST(moves, a_row_gathered_twice_gets_both_gradients) {
  const Variable x = leaf({2, 2}, {1, 2, 3, 4});
  const Variable y = gather(x, Tensor::of<std::int32_t>({3}, {1, 0, 1}));
  EXPECT_EQ(values(y.data()), (Floats{3, 4, 1, 2, 3, 4}));
  y.backward(seed({3, 2}, {1, 2, 10, 20, 100, 200}));
  EXPECT_EQ(values(x.grad()), (Floats{10, 20, 101, 202}));
}

TEST(moves, an_index_outside_is_refused_with_its_value) {
  try {
    gather(leaf({2}, {1, 2}), Tensor::of<std::int64_t>({1}, {-3}));
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("-3"), std::string::npos) << e.what();
  }
}

TEST(moves, a_shape_whose_size_overflows_is_refused) {
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_THROW(pad(leaf({1, 1}, {1}), {{huge, 0}, {huge, 0}}), Error);
  EXPECT_THROW(pad(leaf({1}, {1}), {{huge, huge}}), Error);
  EXPECT_THROW(reshape(leaf({1}, {1}), {huge, 4}), Error);
  EXPECT_THROW(slice(leaf({4}, {1, 2, 3, 4}), {1}, {std::numeric_limits<std::int64_t>::max()}),
               Error);
}

TEST(reductions, sum_and_mean_spread_their_gradients) {
  const Variable x = leaf({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(sum(x).item(), 21);
  EXPECT_EQ(mean(x).item(), 3.5f);
  EXPECT_EQ(values(sum(x, {-1}).data()), (Floats{6, 15}));
  mean(x, {0}, true).backward(seed({1, 3}, {2, 4, 6}));
  EXPECT_EQ(values(x.grad()), (Floats{1, 2, 3, 1, 2, 3}));
}

TEST(reductions, a_long_sum_is_exact_but_for_its_last_rounding) {
  Tensor x = Tensor::zeros(TensorType(DType::float32, {1 << 20}));
  for (float& v : x.mutable_data<float>()) v = 0.1f;
  EXPECT_EQ(sum(x).item(), static_cast<float>((1 << 20) * static_cast<double>(0.1f)));
}

TEST(element_types, quantize_rounds_halves_away_from_zero_and_saturates) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Variable x = leaf({8}, {0.25f, -0.25f, 0.24f, 1000, -1000, 1e30f, nan, 0.75f});
  const Variable y = quantize(x, DType::int8, affine(0.5f, 1));
  EXPECT_EQ(values<std::int8_t>(y.data()),
            (std::vector<std::int8_t>{2, 0, 1, 127, -128, 127, 1, 3}));
}

TEST(element_types, a_saturated_integer_passes_no_gradient) {
  const Variable x = leaf({4}, {1, 100, -100, -1});
  const Variable y = dequantize(quantize(x, DType::int8, affine(0.5f, 0)));
  EXPECT_EQ(values(y.data()), (Floats{1, 63.5f, -64, -1}));
  y.backward(seed({4}, {1, 2, 3, 4}));
  EXPECT_EQ(values(x.grad()), (Floats{1, 0, 0, 4}));
}

TEST(element_types, cast_saturates_what_no_integer_holds) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Variable x(Tensor::of<float>({6}, {nan, infinity, -infinity, 3e9f, -1.9f, 255.9f}));
  EXPECT_EQ(values<std::int32_t>(cast(x, DType::int32).data()),
            (std::vector<std::int32_t>{0, 2147483647, -2147483647 - 1, 2147483647, -1, 255}));
  EXPECT_EQ(values<std::uint8_t>(cast(x, DType::uint8).data()),
            (std::vector<std::uint8_t>{0, 255, 0, 255, 0, 255}));
}

TEST(element_types, cast_between_floats_passes_the_gradient) {
  const Variable x = leaf({2}, {1, 2});
  cast(cast(x, DType::float16), DType::float32).backward(seed({2}, {3, 4}));
  EXPECT_EQ(values(x.grad()), (Floats{3, 4}));
}

}  // namespace
}  // namespace hone
