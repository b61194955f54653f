/// op_conformance [-v] ARCHIVE [OP ...]: every recorded case of the named operators, or of all,
/// against the stock interpreter's outputs and PyTorch's gradients; docs/conformance.md.
///
/// Integer outputs must be equal.  Float outputs must lie within 1e-5 of the largest output of the
/// case: both engines add the same products in float32, each sum of n terms being off by about
/// sqrt(n) roundings of 2^-24, so 1e-5 is the error of n = 28,000 terms of one sign; exponentials
/// are within a few units in the last place.  Gradients, which are sums over whole outputs in both
/// engines, lie within 1e-4 of the largest gradient of the tensor; quantized cases have the same
/// bound, since their backward is float over exact values.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <hone/variable.h>

#include "tests/ops/cases.h"
#include "tests/ops/interpret.h"
#include "tests/ops/isa.h"
#include "tests/ops/one_op.h"
#include "tests/ops/weigh.h"

namespace hone::tests {
namespace {

/// The one table of what must run.  A case of another kind may be refused with an Error, but what
/// runs must be right, whatever its kind.
constexpr std::array<std::string_view, 18> required{
    "float32",   "float16w", "int8",   "int8_axis", "uint8",       "int16",
    "int16_b32", "int4w",    "hybrid", "hybrid4",   "hybrid_axis", "hybrid_asym",
    "int32",     "int64",    "bool",   "float16",   "float64",     "int4"};

bool must_run(const Case& c) {
  return std::find(required.begin(), required.end(), c.kind) != required.end();
}

constexpr double forward_bound = 1e-5, gradient_bound = 1e-4;

/// Empty where the values agree; else where they first do not.
std::string differs(const Values& got, const Values& want, double bound) {
  if (got.size() != want.size()) {
    return std::to_string(got.size()) + " values, expected " + std::to_string(want.size());
  }
  double largest = 0;
  for (const double v : want) {
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  }
  std::size_t count = 0, first = 0;
  for (std::size_t k = 0; k < got.size(); ++k) {
    const bool same = got[k] == want[k] || (std::isnan(got[k]) && std::isnan(want[k])) ||
                      std::abs(got[k] - want[k]) <= bound * largest;
    if (!same && count++ == 0) first = k;
  }
  if (count == 0) return {};
  char text[160];
  std::snprintf(text, sizeof text, "%zu of %zu differ, element %zu is %.9g, expected %.9g", count,
                got.size(), first, got[first], want[first]);
  return text;
}

std::string compare_output(const Tensor& got, const Tensor& want) {
  const bool exact = is_integer(got.dtype()) || got.dtype() == DType::boolean;
  if (got.shape() != want.shape()) {
    return "shape of " + std::to_string(got.shape().rank()) + " dimensions and " +
           std::to_string(got.numel()) + " values is not the recorded one";
  }
  const Tensor raw = exact ? got.retyped(TensorType(got.dtype(), got.shape())) : got;
  return differs(values_of(raw), values_of(want), exact ? 0 : forward_bound);
}

struct Tally {
  int equal = 0, gradients = 0;
  std::vector<std::string> wrong, cautions;
  std::map<std::string, std::vector<std::string>> refused;  // by kind
};

/// Outputs of all; throws Error where hone refuses the case.
std::string check_outputs(const Interpreted& ran, const Arrays& data) {
  for (std::size_t o = 0; o < ran.outputs.size(); ++o) {
    const std::string key = "out_" + std::to_string(o);
    const std::string bad = compare_output(ran.outputs[o].data(), require(data, key, key));
    if (!bad.empty()) return key + ": " + bad;
  }
  return {};
}

std::string check_gradient(const std::string& key, const Variable& x, const Arrays& want) {
  const auto recorded = want.find(key);
  const Tensor got = x.grad();
  if (recorded == want.end()) {
    if (!got) return {};
    const auto g = got.data<float>();
    const bool zero = std::all_of(g.begin(), g.end(), [](float v) { return v == 0; });
    return zero ? "" : key + ": expected none";
  }
  Values g(recorded->second.numel(), 0.0);
  if (got) g = values_of(got);
  const std::string bad = differs(g, values_of(recorded->second), gradient_bound);
  return bad.empty() ? bad : key + ": " + bad;
}

std::string check_gradients(const Interpreted& ran, const Arrays& want) {
  std::vector<Tensor> cotangents;
  for (std::size_t o = 0; o < ran.outputs.size(); ++o) {
    const auto found = want.find("cotangent_" + std::to_string(o));
    if (found == want.end() && ran.outputs[o].requires_grad()) return "no cotangent is recorded";
    cotangents.push_back(found == want.end() ? Tensor() : found->second);
  }
  const Variable loss = weigh(ran.outputs, cotangents);
  if (!loss) return "no output carries a gradient";
  loss.backward();
  for (std::size_t i = 0; i < ran.inputs.size(); ++i) {
    const std::string bad = check_gradient("grad_in_" + std::to_string(i), ran.inputs[i], want);
    if (!bad.empty()) return bad;
  }
  for (const auto& [tensor, constant] : ran.constants) {
    const std::string bad = check_gradient("grad_g0_t" + std::to_string(tensor), constant, want);
    if (!bad.empty()) return bad;
  }
  return {};
}

void run_case(Cases& cases, const Case& c, Tally& tally) {
  const Arrays data = cases.data(c);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; data.contains("in_" + std::to_string(i)); ++i) {
    inputs.push_back(data.at("in_" + std::to_string(i)));
  }
  const auto judge = [&](const std::string& bad) {
    if (bad.empty()) return true;
    (c.caution.empty() ? tally.wrong : tally.cautions).push_back(c.name + ": " + bad);
    return false;
  };
  try {
    const file::ModelFile model = file::load_bytes(cases.model(c), {}, c.name);
    const Interpreted ran = interpret(model, inputs);
    if (!judge(check_outputs(ran, data))) return;
    // the same without weights in the order of the kernels
    if (!judge(check_outputs(interpret(model, inputs, false), data))) return;
    // and with outputs in the place of inputs
    if (!judge(check_outputs(interpret_in_place(model, inputs), data))) return;
    ++tally.equal;
    if (!cases.has_gradient(c)) return;
    if (judge(check_gradients(ran, cases.gradient(c)))) ++tally.gradients;
  } catch (const Error& e) {
    if (must_run(c)) {
      judge(e.what());
    } else {
      tally.refused[c.kind].push_back(c.name + ": " + e.what());
    }
  }
}

void report(const std::string& op, const Tally& tally, bool verbose) {
  std::printf("%-20s %3d equal, %3d gradients", op.c_str(), tally.equal, tally.gradients);
  for (const auto& [kind, cases] : tally.refused) {
    std::printf(", refused %zu (kind %s)", cases.size(), kind.c_str());
  }
  if (!tally.cautions.empty()) std::printf(", %zu with caution differ", tally.cautions.size());
  std::printf(tally.wrong.empty() ? "\n" : ", %zu WRONG\n", tally.wrong.size());
  for (const std::string& text : tally.wrong) std::printf("  %s\n", text.c_str());
  if (!verbose) return;
  for (const std::string& text : tally.cautions) std::printf("  caution: %s\n", text.c_str());
  for (const auto& [kind, cases] : tally.refused) {
    for (const std::string& text : cases) std::printf("  refused: %s\n", text.c_str());
  }
}

int run_all(const std::string& archive, std::vector<std::string> wanted, bool verbose) {
  Cases cases(archive);
  if (wanted.empty()) {
    for (const Case& c : cases.all()) {
      if (std::find(wanted.begin(), wanted.end(), c.op) == wanted.end()) wanted.push_back(c.op);
    }
  }
  std::size_t equal = 0, wrong = 0, refused = 0, run = 0, gradients = 0;
  for (const std::string& op : wanted) {
    Tally tally;
    for (const Case& c : cases.all()) {
      if (c.op != op) continue;
      ++run;
      run_case(cases, c, tally);
    }
    if (tally.equal + tally.gradients == 0 && tally.wrong.empty() && tally.refused.empty())
      continue;
    report(op, tally, verbose);
    equal += static_cast<std::size_t>(tally.equal);
    gradients += static_cast<std::size_t>(tally.gradients);
    wrong += tally.wrong.size();
    for (const auto& [kind, list] : tally.refused) refused += list.size();
  }
  std::printf("%zu cases: %zu equal to the interpreter, %zu gradients, %zu refused, %zu wrong\n",
              run, equal, gradients, refused, wrong);
  if (run == 0) return skipped;  // nothing recorded
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hone::tests

int main(int argc, char** argv) {
  if (hone::tests::lacks_isa()) return hone::tests::skipped;
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto flag = std::find(words.begin(), words.end(), "-v");
  const bool verbose = flag != words.end();
  if (verbose) words.erase(flag);
  if (words.empty()) {
    std::fputs("usage: op_conformance [-v] ARCHIVE [OP ...]\n", stderr);
    return 2;
  }
  try {
    return hone::tests::run_all(words[0], {words.begin() + 1, words.end()}, verbose);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
