#pragma once
/// The recorded cases of the stock interpreter: tests/golden/conformance.zip, written by
/// pack_conformance.py beside it.

#include <cstddef>
#include <string>
#include <vector>

#include "tests/golden/archive.h"

namespace hone::tests {

struct Case {
  std::string name;     ///< "CONV_2D/int8_03"
  std::string op;       ///< "CONV_2D"
  std::string kind;     ///< "int8"
  std::string flavour;  ///< whose outputs: "ref" or "opt"
  std::string caution;  ///< why the stock kernel itself is doubtful; empty: it is not
};

class Cases {
 public:
  explicit Cases(const std::string& path);

  const std::vector<Case>& all() const noexcept { return cases_; }
  std::vector<std::byte> model(const Case& c) { return archive_.bytes(c.name + ".tflite"); }
  Arrays data(const Case& c) { return archive_.arrays(c.name + ".npz"); }  ///< in_i, out_i
  bool has_gradient(const Case& c) const { return archive_.has("gradient/" + c.name + ".npz"); }
  Arrays gradient(const Case& c) { return archive_.arrays("gradient/" + c.name + ".npz"); }

 private:
  Archive archive_;
  std::vector<Case> cases_;
};

}  // namespace hone::tests
