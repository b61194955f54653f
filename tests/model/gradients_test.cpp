/// Losses and gradients of whole models against PyTorch's in float64, recorded by
/// tests/golden/record_gradients.py.
///
/// Bound: each gradient within 1e-4 of the largest of its tensor, and 1e-7 of the largest of the
/// model, for tensors whose gradient is a difference of large ones (the bias of attention's keys
/// has none at all).  A float32 pass through L layers
/// is off by about L sqrt(n) 2^-24 relative to the largest value, for sums of n terms: 1e-5 for
/// L = 20 and n = 100; the rest is room for an activation at a corner of its function.  Quantized
/// models compute their gradients in float over exact values and have the same bound.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <hone/loss.h>
#include <hone/model.h>

#include "tests/golden/archive.h"
#include "tests/ops/one_op.h"
#include "tests/ops/weigh.h"

namespace hone::tests {
namespace {

constexpr double bound = 1e-4, cancelled = 1e-7;

std::string root() { return HONE_SOURCE_ROOT; }

/// The path of a recorded model; empty where it lives only in ../shared and that is not here.
std::string path_of(const std::string& model) {
  namespace fs = std::filesystem;
  const std::string own = root() + "/tests/models" + model.substr(model.rfind('/')) + ".tflite";
  if (fs::exists(own)) return own;
  const char* elsewhere = std::getenv("HONE_SHARED");
  const std::string shared =
      (elsewhere ? std::string(elsewhere) : root() + "/../shared") + '/' + model + ".tflite";
  return fs::exists(shared) ? shared : "";
}

double largest_of(const Arrays& want, const std::string& loss) {
  double largest = 0;
  for (const auto& [key, value] : want) {
    if (key.starts_with(loss) && key.ends_with("/max")) {
      largest = std::max(largest, values_of(value)[0]);
    }
  }
  return largest;
}

void compare(const std::string& key, const Variable& x, const Arrays& want, double slack) {
  const auto recorded = want.find(key);
  const Tensor got = x.grad();
  if (recorded == want.end()) {
    if (!got) return;
    for (const float g : got.data<float>()) ASSERT_EQ(g, 0) << key << " is not recorded";
    return;
  }
  ASSERT_TRUE(got) << key << " has no gradient";
  const auto g = got.data<float>(), w = recorded->second.data<float>();
  const std::size_t stride = 1 + g.size() / 256;
  const double largest = values_of(require(want, key + "/max", key))[0];
  ASSERT_EQ(w.size(), (g.size() + stride - 1) / stride) << key;
  double worst = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    worst = std::max(worst, std::abs(static_cast<double>(g[k * stride] - w[k])));
  }
  EXPECT_LE(worst, bound * largest + slack) << key << ", largest gradient " << largest;
}

class WholeModel : public testing::TestWithParam<std::string> {
 protected:
  void run(const std::string& loss_name) {
    const std::string path = path_of(GetParam());
    if (path.empty()) GTEST_SKIP() << GetParam() << " lives in ../shared, which is not here";
    Archive archive(root() + "/tests/golden/gradients.zip");
    for (int sample = 0; sample < 2; ++sample) {
      SCOPED_TRACE("sample " + std::to_string(sample));
      const Arrays data = archive.arrays(GetParam() + '/' + std::to_string(sample) + ".npz");
      check(Model::load(path), data, loss_name);
    }
  }

 private:
  static void check(Model model, const Arrays& data, const std::string& loss_name) {
    const auto constants = model.open_constants();
    const Tensor& raw = data.at("in_0");
    const Variable input[] = {Variable(raw.retyped(model.inputs()[0].type), Grad::yes)};
    const Variable loss = loss_name == "xent" ? cross_entropy(model.logits(input), data.at("label"))
                                              : weigh(model.run(input), {data.at("cotangent_0")});
    const double want = values_of(data.at(loss_name + "/loss"))[0];
    EXPECT_NEAR(loss.item(), want, bound * std::max(1.0, std::abs(want)));
    loss.backward();
    const double slack = cancelled * largest_of(data, loss_name);
    compare(loss_name + "/in_0", input[0], data, slack);
    for (const auto& [tensor, constant] : constants) {
      compare(loss_name + "/g0_t" + std::to_string(tensor), constant, data, slack);
    }
  }
};

TEST_P(WholeModel, HasTheGradientsOfPyTorch) { run("dot"); }
TEST_P(WholeModel, HasTheCrossEntropyGradientsOfPyTorch) { run("xent"); }

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param.substr(info.param.rfind('/') + 1);
}

INSTANTIATE_TEST_SUITE_P(
    Gradients, WholeModel,
    testing::Values("models/har/har_watch_float32", "models/har/har_watch_int8",
                    "models/har/har_watch_float16", "models/har/har_watch_dynamic", "bench/W1",
                    "bench/W1_int8", "bench/W2", "bench/W2_int8", "bench/W3", "bench/W3_int8",
                    "bench/W4", "bench/W4_int8", "bench/W5", "bench/W5_int8", "bench/W6",
                    "bench/W6_int8", "bench/W7", "bench/W7_int8"),
    test_name);

}  // namespace
}  // namespace hone::tests
