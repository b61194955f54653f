#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at_every_level;
using testing::near;
using testing::Numbers;

constexpr double epsilon = std::numeric_limits<float>::epsilon();

struct Operation {
  void (*Kernels::*kernel)(const FloatPass&) noexcept;
  float (*expected)(float, float);
};
constexpr Operation operations[] = {
    {&Kernels::add, [](float a, float b) { return a + b; }},
    {&Kernels::subtract, [](float a, float b) { return a - b; }},
    {&Kernels::multiply, [](float a, float b) { return a * b; }},
};

// One rounding an element: no tolerance.
TEST(FloatPass, CombinesElementsAndRepeatsOperands) {
  at_every_level([](const Kernels& kernels) {
    for (const Operation& o : operations) {
      for (const std::ptrdiff_t n : {0, 1, 3, 4, 7, 16, 17, 100}) {
        const std::vector<float> a = Numbers(1).floats(n + 1), b = Numbers(2).floats(n + 1);
        for (const auto& [a_step, b_step] : {std::pair{1, 1}, {1, 0}, {0, 1}}) {
          std::vector<float> y(static_cast<std::size_t>(n) + 1, 7.0f);
          (kernels.*o.kernel)({.count = n,
                               .a = a.data(),
                               .a_step = a_step,
                               .b = b.data(),
                               .b_step = b_step,
                               .y = y.data(),
                               .lo = -0.5f,
                               .hi = 0.75f});
          for (std::size_t i = 0; i < y.size() - 1; ++i) {
            const float v = o.expected(a[a_step == 1 ? i : 0], b[b_step == 1 ? i : 0]);
            ASSERT_EQ(y[i], std::clamp(v, -0.5f, 0.75f)) << i << " of " << n;
          }
          ASSERT_EQ(y.back(), 7.0f) << "written behind the end of " << n;
        }
      }
    }
  });
}

TEST(FloatPass, MayWriteToAnOperandAndKeepsNaN) {
  at_every_level([](const Kernels& kernels) {
    std::vector<float> a = Numbers(3).floats(40), b = Numbers(4).floats(40);
    a[5] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> before = a;
    kernels.add({.count = 40, .a = a.data(), .b = b.data(), .y = a.data(), .lo = -1, .hi = 1});
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (i == 5) {
        EXPECT_TRUE(std::isnan(a[i]));
      } else {
        EXPECT_EQ(a[i], std::clamp(before[i] + b[i], -1.0f, 1.0f));
      }
    }
  });
}

TEST(FloatSum, AddsUp) {
  at_every_level([](const Kernels& kernels) {
    for (const std::ptrdiff_t n : {0, 1, 5, 16, 63, 1001, 20'000}) {
      const std::vector<float> x = Numbers(5).floats(n);
      testing::Sum expected;
      for (const float v : x) expected.add(static_cast<double>(v));
      ASSERT_TRUE(near(kernels.sum({n, x.data()}), expected)) << n;
    }
  });
}

/// Softmax in double, and a bound on a float's relative error: of its argument's two roundings,
/// which the exponential multiplies by the argument, of the exponential, the sum, the quotient.
struct Exact {
  std::vector<double> y;
  double error = 0;

  Exact(const std::vector<float>& x, double beta) {
    double largest = -INFINITY, sum = 0;
    for (const float v : x) largest = std::max(largest, beta * double{v});
    for (const float v : x) {
      y.push_back(std::exp(beta * double{v} - largest));
      sum += y.back();
      // what is this much smaller is no float any more
      const double argument = std::min(largest - beta * double{v}, 110.0);
      error = std::max(error, (2 * argument + 2 * std::abs(largest)) * epsilon);
    }
    error += (static_cast<double>(x.size()) + 4) * epsilon;
    for (double& v : y) v /= sum;
  }
};

// Below the smallest normal number the error is absolute.
constexpr double smallest = std::numeric_limits<float>::min();

void scale(std::vector<float>& x, float factor) {
  for (float& v : x) v *= factor;
}

TEST(Softmax, IsTheExponentialsShareInTheirSum) {
  at_every_level([](const Kernels& kernels) {
    for (const std::ptrdiff_t n : {1, 2, 5, 16, 17, 64, 1000}) {
      for (const float beta : {1.0f, 0.5f, -2.0f}) {
        for (const float range : {1.0f, 300.0f}) {
          std::vector<float> x = Numbers(6).floats(n);
          scale(x, range);
          std::vector<float> y(x.size() + 1, 7.0f);
          kernels.softmax({n, beta, x.data(), y.data()});
          const Exact exact(x, double{beta});
          for (std::size_t i = 0; i < x.size(); ++i) {
            ASSERT_NEAR(y[i], exact.y[i], exact.y[i] * exact.error + smallest) << i << " of " << n;
          }
          ASSERT_EQ(y.back(), 7.0f) << "written behind the end of " << n;
        }
      }
    }
  });
}

TEST(Softmax, HasItsGradient) {
  at_every_level([](const Kernels& kernels) {
    for (const std::ptrdiff_t n : {1, 2, 5, 16, 17, 64, 1000}) {
      for (const float beta : {1.0f, 0.5f, -2.0f}) {
        std::vector<float> x = Numbers(7).floats(n), gy = Numbers(8).floats(n);
        scale(x, 10.0f);
        std::vector<float> gx(x.size() + 1, 7.0f);
        kernels.softmax_grad({n, beta, x.data(), gy.data(), gx.data()});
        const Exact exact(x, double{beta});
        double mean = 0, magnitude = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          mean += exact.y[i] * double{gy[i]};
          magnitude += exact.y[i] * std::abs(double{gy[i]});
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double factor = double{beta} * exact.y[i];
          const double bound = std::abs(factor) * (std::abs(double{gy[i]}) + magnitude) *
                               (2 * exact.error + 4 * epsilon);
          ASSERT_NEAR(gx[i], factor * (double{gy[i]} - mean), bound + smallest) << i << " of " << n;
        }
        ASSERT_EQ(gx.back(), 7.0f) << "written behind the end of " << n;
      }
    }
  });
}

TEST(Softmax, IsNoNumberWhereOneIsNone) {
  at_every_level([](const Kernels& kernels) {
    std::vector<float> x = Numbers(9).floats(20), y(20);
    x[18] = std::numeric_limits<float>::quiet_NaN();
    kernels.softmax({20, 1.0f, x.data(), y.data()});
    for (const float v : y) EXPECT_TRUE(std::isnan(v));
  });
}

}  // namespace
}  // namespace hone
