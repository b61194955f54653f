#pragma once
/// What the tests of the kernels share: every instruction set of this machine, numbers, and bounds.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ops/kernels/kernels.h"

namespace hone::testing {

/// Calls `claim` with the kernels of every instruction set that this machine can run; where an
/// emulator plays the processor (tests/cross), of that processor's own.
template <class Claim>
void at_every_level(Claim claim) {
  int levels = 0;
  const char* const only = std::getenv("HONE_EXPECTED_ISA");
  for (const std::string_view name : kernel_names()) {
    const Kernels* k = only == nullptr || name == only ? kernels_named(name) : nullptr;
    if (k != nullptr) {
      SCOPED_TRACE(std::string(name));
      claim(*k);
      ++levels;
    }
  }
  ASSERT_GT(levels, 0);
}

/// Reproducible numbers in [-1, 1].
class Numbers {
 public:
  explicit Numbers(unsigned seed) : engine_(seed) {}
  std::vector<float> floats(std::ptrdiff_t n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (float& x : v) x = std::uniform_real_distribution<float>(-1, 1)(engine_);
    return v;
  }
  template <class T>
  std::vector<T> integers(std::ptrdiff_t n, int lo, int hi) {
    std::vector<T> v(static_cast<std::size_t>(n));
    for (T& x : v) x = static_cast<T>(std::uniform_int_distribution<int>(lo, hi)(engine_));
    return v;
  }

 private:
  std::mt19937 engine_;
};

/// A double sum with a bound on the error of any float summation of the same products:
/// (n + 2) eps times the sum of magnitudes (Higham 2002, section 3.1).
struct Sum {
  double value = 0, magnitude = 0;
  int terms = 0;
  void add(double x) {
    value += x;
    magnitude += std::abs(x);
    ++terms;
  }
  double bound() const {
    return (terms + 2) * double{std::numeric_limits<float>::epsilon()} * magnitude;
  }
};

/// EXPECT_NEAR that stops at the first of many: a whole array that is off says it once.
inline ::testing::AssertionResult near(float got, const Sum& expected, double lo = -INFINITY,
                                       double hi = INFINITY) {
  const double want = std::fmin(std::fmax(expected.value, lo), hi);
  if (std::abs(got - want) <= expected.bound()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "got " << got << ", expected " << want << " within " << expected.bound();
}

}  // namespace hone::testing
