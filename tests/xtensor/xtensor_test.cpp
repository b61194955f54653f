#include <hone/xtensor.h>

#include <gtest/gtest.h>

namespace {

TEST(Xtensor, ViewsTheValuesOfATensorWithoutACopy) {
  const hone::Tensor tensor = hone::Tensor::of({2, 2}, {1.f, 2.f, 3.f, 4.f});
  const auto view = hone::xview<float>(tensor);
  EXPECT_EQ(view.data(), tensor.data<float>().data());
  EXPECT_EQ(view(1, 0), 3.f);
}

TEST(Xtensor, RefusesAnotherElementType) {
  EXPECT_THROW(hone::xview<float>(hone::Tensor::of<std::int8_t>({1}, {1})), hone::Error);
}

TEST(Xtensor, BecomesATensorThatKeepsItsValuesAlive) {
  xt::xarray<float> array{{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}};
  const float* values = array.data();
  const hone::Tensor tensor = hone::from_xtensor(std::move(array));
  EXPECT_EQ(tensor.shape(), (hone::Shape{2, 3}));
  EXPECT_EQ(tensor.data<float>().data(), values);
  EXPECT_EQ(tensor.data<float>()[4], 5.f);
}

}  // namespace
