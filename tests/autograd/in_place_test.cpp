/// Outputs in the place of inputs that nobody reads any more.

#include <array>

#include <gtest/gtest.h>
#include <hone/functions.h>
#include <hone/variable.h>

#include "ops/op.h"
#include "ops/table.h"

namespace hone {
namespace {

const OpDef& op(tflite::BuiltinOperator code) { return *ops::find(code); }

Tensor values() { return Tensor::of<float>({2, 2}, {1, -2, 3, -4}); }

/// y of one call whose inputs are given up.
Variable given(const OpDef& op, std::span<const Variable> inputs) {
  return apply(op, op.default_attributes(), inputs, {.gives = Slots::all()})[0];
}

void expect(const Variable& y, std::array<float, 4> want) {
  const auto got = y.data().data<float>();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(got[i], want[i]) << i;
}

TEST(InPlace, WritesWhereItsInputWas) {
  const std::array<Variable, 1> x{Variable(values())};
  const std::uint64_t before = x[0].data().version();
  const Variable y = given(op(tflite::BuiltinOperator_NEG), x);
  EXPECT_TRUE(y.data().shares_storage(x[0].data()));
  EXPECT_NE(y.data().version(), before);
  expect(y, {-1, 2, -3, 4});
}

TEST(InPlace, LeavesWhatSomebodyHolds) {
  const Tensor held = values();
  const std::array<Variable, 1> x{Variable(held)};
  const Variable y = given(op(tflite::BuiltinOperator_NEG), x);
  EXPECT_FALSE(y.data().shares_storage(held));
  expect(Variable(held), {1, -2, 3, -4});
}

TEST(InPlace, LeavesWhatIsUsedTwice) {
  const Variable v(values());
  const std::array<Variable, 2> x{v, v};
  EXPECT_FALSE(given(op(tflite::BuiltinOperator_ADD), x).data().shares_storage(v.data()));
}

TEST(InPlace, LeavesWhatIsNotGiven) {
  const std::array<Variable, 1> x{Variable(values())};
  const OpDef& neg = op(tflite::BuiltinOperator_NEG);
  EXPECT_FALSE(apply(neg, neg.default_attributes(), x)[0].data().shares_storage(x[0].data()));
}

TEST(InPlace, TakesTheOperandThatIsLargeEnough) {
  const std::array<Variable, 2> x{Variable(Tensor::of<float>({2}, {10, 20})), Variable(values())};
  const Variable y = given(op(tflite::BuiltinOperator_SUB), x);
  EXPECT_TRUE(y.data().shares_storage(x[1].data()));
  expect(y, {9, 22, 7, 24});
}

TEST(InPlace, LeavesWhatBackwardNeeds) {
  const Variable a(values(), Grad::yes), b(values(), Grad::yes);
  std::array<Variable, 2> x{add(a, a), add(b, b)};
  const Variable product = given(op(tflite::BuiltinOperator_MUL), x);
  EXPECT_FALSE(product.data().shares_storage(x[0].data()));
  EXPECT_FALSE(product.data().shares_storage(x[1].data()));
  x = {};
  product.backward(values());  // d(4 a b)/da = 4 b
  expect(Variable(a.grad()), {4, 16, 36, 64});
}

TEST(InPlace, GivesTheSameGradientWhereBackwardNeedsNoValue) {
  const Variable a(values(), Grad::yes), b(values(), Grad::yes);
  std::array<Variable, 2> x{mul(a, b), mul(a, a)};
  const Variable y = given(op(tflite::BuiltinOperator_ADD), x);
  EXPECT_TRUE(y.data().shares_storage(x[0].data()));
  expect(y, {2, 8, 18, 32});
  x = {};
  y.backward(Tensor::of<float>({2, 2}, {1, 1, 1, 1}));  // b + 2 a
  expect(Variable(a.grad()), {3, -6, 9, -12});
}

TEST(InPlace, IsNotFromOneMemoryIntoAnother) {
  std::pmr::monotonic_buffer_resource memory;
  const std::array<Variable, 1> x{Variable(values().clone(&memory))};
  EXPECT_FALSE(given(op(tflite::BuiltinOperator_NEG), x).data().shares_storage(x[0].data()));
}

}  // namespace
}  // namespace hone
