#include "tests/ops/check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include <hone/threads.h>
#include <hone/variable.h>

#include "tests/ops/expected.h"
#include "tests/ops/one_op.h"
#include "tests/ops/weigh.h"

namespace hone::tests {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const Tensor& t) { return t ? Bytes(t.raw(), t.raw() + t.bytes()) : Bytes{}; }

/// Outputs and gradients of one forward and `backwards` backward passes.
struct Ran {
  std::vector<Tensor> outputs;
  std::vector<Tensor> grads;  // absent where there is none
};

/// Runs the call; weights[o]: what output o counts in the loss, absent: not at all.
Ran run(const OneOp& call, const std::vector<bool>& wants, const std::vector<Tensor>& weights,
        int times = 1) {
  std::vector<Variable> x;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    x.push_back(call.inputs[i] ? Variable(call.inputs[i], wants[i] ? Grad::yes : Grad::no)
                               : Variable());
  }
  Ran ran;
  for (int time = 0; time < times; ++time) {
    const Variables y = call.run(x);
    ran.outputs.clear();
    for (const Variable& v : y) ran.outputs.push_back(v.data());
    if (weights.empty()) continue;
    if (const Variable loss = weigh(y, weights)) loss.backward();
  }
  for (const Variable& v : x) ran.grads.push_back(v ? v.grad() : Tensor());
  return ran;
}

class Check {
 public:
  Check(const OpRows& op, const Row& row, const std::vector<bool>& constant)
      : op_(op), row_(row), random_(std::string(op.op) + '.' + row.name) {
    for (const Arg& arg : row.inputs) {
      inputs_.push_back(draw(arg, op.kinks, random_));
      wants_.push_back(arg.present() && has_gradient(arg.type));
    }
    call_ = read_back(op.op, row, inputs_, constant);
    expected_ = expect(op, row, inputs_, random_);
  }

  void all() {
    forward();
    if (testing::Test::HasFailure()) return;
    const bool any = std::find(wants_.begin(), wants_.end(), true) != wants_.end();
    if (!any || !counts_any_output()) return threads({});
    if (!op_.differentiable) return refuses_backward();
    const std::vector<Tensor> weights = draw_weights();
    const Ran ran = run(call_, wants_, weights);
    gradient(ran, weights);
    frozen(ran, weights);
    twice(ran, weights);
    threads(weights);
  }

 private:
  bool counts_any_output() const {
    return std::any_of(row_.outputs.begin(), row_.outputs.end(),
                       [](const Arg& y) { return has_gradient(y.type); });
  }

  void forward() {
    const Ran ran = run(call_, wants_, {});
    ASSERT_EQ(ran.outputs.size(), row_.outputs.size());
    for (std::size_t o = 0; o < ran.outputs.size(); ++o) {
      ASSERT_EQ(ran.outputs[o].type(), row_.outputs[o].type) << "output " << o;
      if (is_integer(ran.outputs[o].dtype()) || ran.outputs[o].dtype() == DType::boolean) {
        integers(ran.outputs[o], o);
      } else {
        floats(ran.outputs[o], o);
      }
    }
    first_ = ran.outputs;
  }

  void floats(const Tensor& y, std::size_t o) const {
    const Values got = values_of(y);
    for (std::size_t k = 0; k < got.size(); ++k) {
      const double want = expected_.outputs[o][k];
      if (got[k] == want) continue;
      ASSERT_NEAR(got[k], want, expected_.tolerance[o][k]) << "output " << o << " element " << k;
    }
  }

  void integers(const Tensor& y, std::size_t o) const {
    const std::vector<std::int64_t> got = y.to_ints();
    const TensorType& type = y.type();
    const double steps = type.quantized() ? row_.judged.steps : 0;
    const auto [low, high] = type.dtype == DType::boolean
                                 ? std::pair<std::int64_t, std::int64_t>(0, 1)
                                 : integer_range(type.dtype);
    for (std::size_t k = 0; k < got.size(); ++k) {
      double want = expected_.outputs[o][k];
      if (type.quantized()) want = want / static_cast<double>(type.scale) + type.zero_point;
      want = std::clamp(std::round(want), static_cast<double>(low), static_cast<double>(high));
      ASSERT_NEAR(static_cast<double>(got[k]), want, steps) << "output " << o << " element " << k;
    }
  }

  /// A random cotangent; 0 where the reference has a kink, which must be rare.
  std::vector<Tensor> draw_weights() {
    std::vector<Tensor> weights(row_.outputs.size());
    for (std::size_t o = 0; o < weights.size(); ++o) {
      if (!has_gradient(row_.outputs[o].type)) continue;
      const std::vector<bool>& kink = expected_.kink[o];
      weights[o] = Tensor(TensorType(DType::float32, row_.outputs[o].type.shape));
      const auto w = weights[o].mutable_data<float>();
      for (std::size_t k = 0; k < w.size(); ++k) {
        w[k] = static_cast<float>(kink[k] ? 0 : random_.normal());
      }
      const auto kinks = static_cast<std::size_t>(std::count(kink.begin(), kink.end(), true));
      EXPECT_LE(kinks, w.size() / 4)
          << "the reference has no derivative at these inputs: name kinks, ties or other ranges";
    }
    return weights;
  }

  /// Whether straight-through stops the gradient of that element: an integer at its clamp.
  bool masked(const Tensor& y, std::size_t k) const {
    if (!y.type().quantized()) return false;
    const Activation fused =
        op_.activation != Activation::none ? op_.activation : row_.options.fused();
    const bool fuses = fused == Activation::relu || fused == Activation::relu6 ||
                       fused == Activation::relu_n1_to_1;
    if (!row_.judged.clamps.value_or(!op_.moves || fuses)) return false;
    // LiteRT's rule for a limit v in the units of the output: zero_point + round(v / scale)
    const auto q = [&](double v) {
      return y.type().zero_point + std::round(v / static_cast<double>(y.type().scale));
    };
    const auto range = integer_range(y.dtype());
    double low = static_cast<double>(range.first), high = static_cast<double>(range.second);
    if (fused == Activation::relu || fused == Activation::relu6) low = std::max(low, q(0));
    if (fused == Activation::relu6) high = std::min(high, q(6));
    if (fused == Activation::relu_n1_to_1) low = std::max(low, q(-1)), high = std::min(high, q(1));
    const auto v = static_cast<double>(y.to_ints()[k]);
    return v <= low || v >= high;
  }

  void gradient(const Ran& ran, const std::vector<Tensor>& weights) const {
    double want = 0, got = 0, terms = 0;
    for (std::size_t o = 0; o < weights.size(); ++o) {
      if (!weights[o]) continue;
      const auto w = weights[o].data<float>();
      double part = 0;
      for (std::size_t k = 0; k < w.size(); ++k) {
        if (w[k] == 0 || masked(ran.outputs[o], k)) continue;
        const double term = static_cast<double>(w[k]) * expected_.slope[o][k];
        want += term;
        part += std::abs(term);
      }
      terms = std::max(terms, part);
    }
    double sum = 0;
    for (std::size_t i = 0; i < ran.grads.size(); ++i) {
      if (!wants_[i]) continue;
      ASSERT_TRUE(ran.grads[i]) << "input " << i << " has no gradient";
      ASSERT_EQ(ran.grads[i].shape(), row_.inputs[i].shape()) << "input " << i;
      const auto g = ran.grads[i].data<float>();
      for (std::size_t k = 0; k < g.size(); ++k) {
        ASSERT_TRUE(std::isfinite(g[k])) << "input " << i << " element " << k;
        const double term = static_cast<double>(g[k]) * expected_.direction[i][k];
        got += term;
        sum += std::abs(term);
      }
    }
    EXPECT_NEAR(got, want, row_.judged.gradient * std::max(terms, sum) + 1e-30)
        << "gradient along a random direction";
  }

  /// The gradient of one input alone is the one that it had among others.
  void frozen(const Ran& ran, const std::vector<Tensor>& weights) const {
    if (std::count(wants_.begin(), wants_.end(), true) < 2) return;
    for (std::size_t i = 0; i < wants_.size(); ++i) {
      if (!wants_[i]) continue;
      std::vector<bool> alone(wants_.size(), false);
      alone[i] = true;
      const Ran one = run(call_, alone, weights);
      for (std::size_t j = 0; j < wants_.size(); ++j) {
        EXPECT_EQ(static_cast<bool>(one.grads[j]), j == i) << "gradient of input " << j;
      }
      EXPECT_EQ(bytes_of(one.grads[i]), bytes_of(ran.grads[i]))
          << "another gradient for input " << i << " when the others are frozen";
    }
  }

  /// Two backward passes add up, be it in the op itself (`accumulates`) or around it.
  void twice(const Ran& ran, const std::vector<Tensor>& weights) const {
    const Ran two = run(call_, wants_, weights, 2);
    for (std::size_t i = 0; i < wants_.size(); ++i) {
      if (!wants_[i]) continue;
      const auto once = ran.grads[i].data<float>(), sum = two.grads[i].data<float>();
      float largest = 0;
      for (const float g : once) largest = std::max(largest, std::abs(g));
      for (std::size_t k = 0; k < once.size(); ++k) {
        ASSERT_NEAR(sum[k], 2 * once[k], 1e-5f * largest) << "input " << i << " element " << k;
      }
    }
  }

  void threads(const std::vector<Tensor>& weights) const {
    const Ran one = run(call_, wants_, weights);
    set_threads(4);
    const Ran four = run(call_, wants_, weights);
    set_threads(1);
    for (std::size_t o = 0; o < one.outputs.size(); ++o) {
      EXPECT_EQ(bytes_of(one.outputs[o]), bytes_of(four.outputs[o])) << "output " << o;
    }
    for (std::size_t i = 0; i < one.grads.size(); ++i) {
      EXPECT_EQ(bytes_of(one.grads[i]), bytes_of(four.grads[i])) << "gradient " << i;
    }
  }

  void refuses_backward() {
    const std::vector<Tensor> weights = draw_weights();
    try {
      run(call_, wants_, weights);
      ADD_FAILURE() << "expected an Error: the op has no gradient";
    } catch (const Error& e) {
      EXPECT_NE(std::string_view(e.what()).find(op_.op), std::string_view::npos) << e.what();
    }
  }

  const OpRows& op_;
  const Row& row_;
  Random random_;
  std::vector<Tensor> inputs_;
  std::vector<bool> wants_;
  OneOp call_;
  Expected expected_;
  std::vector<Tensor> first_;
};

/// Which inputs stand in the file: first as few as may be, then as many.
std::vector<std::vector<bool>> placements(const Row& row) {
  std::vector<bool> few, many;
  for (const Arg& arg : row.inputs) {
    few.push_back(arg.present() && arg.constant_only);
    many.push_back(arg.present() && (arg.constant_only || arg.constant_too));
  }
  if (few == many) return {few};
  return {few, many};
}

}  // namespace

void check_row(const OpRows& op, const Row& row) {
  for (const std::vector<bool>& constant : placements(row)) {
    SCOPED_TRACE(std::find(constant.begin(), constant.end(), true) != constant.end()
                     ? "with constants in the file"
                     : "all inputs from outside");
    const std::size_t nodes = live_nodes(), bytes = memory_use().current_bytes;
    try {
      Check(op, row, constant).all();
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
    EXPECT_EQ(live_nodes(), nodes) << "nodes are left behind";
    EXPECT_EQ(memory_use().current_bytes, bytes) << "bytes are left behind";
  }
}

void check_refused(const OpRows& op, const Row& row, std::string_view word) {
  const std::size_t nodes = live_nodes(), bytes = memory_use().current_bytes;
  for (const std::vector<bool>& constant : placements(row)) {
    try {
      Random random(row.name);
      std::vector<Tensor> inputs;
      for (const Arg& arg : row.inputs) inputs.push_back(draw(arg, op.kinks, random));
      const OneOp call = read_back(op.op, row, inputs, constant);
      run(call, std::vector<bool>(inputs.size(), false), {});
      ADD_FAILURE() << "expected an Error with \"" << word << '"';
    } catch (const Error& e) {
      EXPECT_NE(std::string_view(e.what()).find(word), std::string_view::npos)
          << "expected \"" << word << "\" in: " << e.what();
    }
  }
  EXPECT_EQ(live_nodes(), nodes) << "nodes are left behind";
  EXPECT_EQ(memory_use().current_bytes, bytes) << "bytes are left behind";
}

}  // namespace hone::tests
