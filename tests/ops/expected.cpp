#include "tests/ops/expected.h"

#include <algorithm>
#include <cmath>

#include "tests/ops/one_op.h"

namespace hone::tests {
namespace {

Activation activation_of(const OpRows& op, const Row& row) {
  return op.activation != Activation::none ? op.activation : row.options.fused();
}

/// From the format's definition of the fused activations; tanh and sign_bit are not applied.
void activate(Activation activation, Values& y) {
  double low = -INFINITY, high = INFINITY;
  if (activation == Activation::relu) low = 0;
  if (activation == Activation::relu6) low = 0, high = 6;
  if (activation == Activation::relu_n1_to_1) low = -1, high = 1;
  for (double& v : y) v = std::clamp(v, low, high);
}

std::vector<Values> evaluate(const OpRows& op, const Row& row, const Inputs& in) {
  std::vector<Values> y = op.reference(row, in);
  if (y.size() != row.outputs.size()) {
    fail(ErrorKind::argument, row.name, "expected a reference with ", row.outputs.size(),
         " outputs, got ", y.size());
  }
  for (std::size_t o = 0; o < y.size(); ++o) {
    if (y[o].size() != row.outputs[o].type.numel()) {
      fail(ErrorKind::argument, row.name, "expected a reference of ", row.outputs[o].type.numel(),
           " values, got ", y[o].size());
    }
  }
  return y;
}

/// With the activation where `everywhere`, or where the output is not a quantized integer.
std::vector<Values> activated(const OpRows& op, const Row& row, const Inputs& in, bool everywhere) {
  std::vector<Values> y = evaluate(op, row, in);
  for (std::size_t o = 0; o < y.size(); ++o) {
    if (everywhere || !row.outputs[o].type.quantized()) activate(activation_of(op, row), y[o]);
  }
  return y;
}

double magnitude(const Values& x) {
  double m = 0;
  for (const double v : x) m = std::max(m, std::abs(v));
  return m == 0 ? 1 : m;
}

Inputs moved(const Inputs& in, const std::vector<Values>& direction, double step) {
  Inputs out = in;
  for (std::size_t i = 0; i < in.size(); ++i) {
    for (std::size_t k = 0; k < in[i].size(); ++k) out[i][k] += step * direction[i][k];
  }
  return out;
}

/// Equal values made unequal by a hair, so that the first of them is the one that is chosen.
Inputs untied(const OpRows& op, Inputs in) {
  if (op.ties == Ties::none) return in;
  const double sign = op.ties == Ties::largest_first ? 1 : -1;
  double total = 0, done = 0;
  for (const Values& x : in) total += static_cast<double>(x.size());
  for (Values& x : in) {
    const double hair = 1e-3 * magnitude(x);
    for (double& v : x) v += sign * hair * (total - done++) / total;
  }
  return in;
}

/// How far each output moves when every input moves by `ulps` units in the last place of a float,
/// signs at random: the error that a backward-stable float kernel may make.  The largest of eight
/// draws, and four units of the output itself for its rounding and that of elementary functions.
std::vector<Values> forward_tolerance(const OpRows& op, const Row& row, const Inputs& in,
                                      const std::vector<Values>& y, Random& random) {
  std::vector<Values> tolerance = y;
  for (std::size_t o = 0; o < y.size(); ++o) {
    const double unit = row.outputs[o].type.dtype == DType::float16 ? 0x1p-11 : 0x1p-23;
    for (double& v : tolerance[o]) v = 4 * unit * std::abs(v) + 0x1p-126;
  }
  std::vector<Values> spread = y;
  for (Values& s : spread) std::fill(s.begin(), s.end(), 0.0);
  for (int draw = 0; draw < 8; ++draw) {
    Inputs x = in;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!row.has(i) || !has_gradient(row.inputs[i].type)) continue;
      for (double& v : x[i]) v *= 1 + (random.below(2) ? 1 : -1) * row.judged.ulps * 0x1p-24;
    }
    const std::vector<Values> there = activated(op, row, x, true);
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (std::size_t k = 0; k < y[o].size(); ++k) {
        spread[o][k] = std::max(spread[o][k], std::abs(there[o][k] - y[o][k]));
      }
    }
  }
  for (std::size_t o = 0; o < y.size(); ++o) {
    for (std::size_t k = 0; k < y[o].size(); ++k) tolerance[o][k] += spread[o][k];
  }
  return tolerance;
}

/// Central differences.  Where the slopes to the left and to the right are not those of a smooth
/// function, there is a kink.
void differentiate(const OpRows& op, const Row& row, const Inputs& in, Expected& e) {
  const double h = op.ties == Ties::none ? 1e-5 : 1e-8;  // less than the hair of `untied`
  const Inputs base = untied(op, in);
  const auto here = activated(op, row, base, false);
  const auto above = activated(op, row, moved(base, e.direction, h), false);
  const auto below = activated(op, row, moved(base, e.direction, -h), false);
  e.slope = here;
  e.kink.resize(here.size());
  for (std::size_t o = 0; o < here.size(); ++o) {
    const std::size_t n = here[o].size();
    e.kink[o].assign(n, false);
    double largest = 0;
    for (std::size_t k = 0; k < n; ++k) {
      e.slope[o][k] = (above[o][k] - below[o][k]) / (2 * h);
      largest = std::max(largest, std::abs(e.slope[o][k]));
    }
    for (std::size_t k = 0; k < n; ++k) {
      const double bend = (above[o][k] - 2 * here[o][k] + below[o][k]) / h;
      const double slope = std::abs(e.slope[o][k]);
      e.kink[o][k] = !(std::abs(bend) <= 1e-2 * slope + 1e-4 * largest);
    }
  }
}

}  // namespace

bool has_gradient(const TensorType& type) noexcept {
  return type.dtype == DType::float32 || type.dtype == DType::float16 ||
         type.dtype == DType::float64 || type.quantized();
}

Expected expect(const OpRows& op, const Row& row, const std::vector<Tensor>& inputs,
                Random& random) {
  Inputs in(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]) in[i] = values_of(inputs[i]);
  }
  Expected e;
  e.outputs = activated(op, row, in, true);
  e.tolerance = forward_tolerance(op, row, in, e.outputs, random);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool moves = row.has(i) && has_gradient(row.inputs[i].type);
    const double size = magnitude(in[i]);
    Values direction(in[i].size(), 0.0);
    for (double& v : direction) v = moves ? size * random.normal() : 0;
    e.direction.push_back(std::move(direction));
  }
  differentiate(op, row, in, e);
  return e;
}

}  // namespace hone::tests
