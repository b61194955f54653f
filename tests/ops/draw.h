#pragma once
/// Values for the inputs of a row, the same at every run.

#include <cstdint>
#include <random>
#include <string_view>

#include "tests/ops/rows.h"

namespace hone::tests {

class Random {
 public:
  explicit Random(std::string_view seed);
  double uniform(double low, double high);
  double normal();
  std::size_t below(std::size_t n);

 private:
  std::mt19937_64 bits_;
};

/// Raw values of one input, clear of `kinks`.
Tensor draw(const Arg& arg, const std::vector<double>& kinks, Random& random);

}  // namespace hone::tests
