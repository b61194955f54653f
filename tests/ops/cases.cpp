#include "tests/ops/cases.h"

#include <sstream>

namespace hone::tests {

Cases::Cases(const std::string& path) : archive_(path) {
  const std::vector<std::byte> text = archive_.bytes("cases.txt");
  std::istringstream lines(std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  std::string line;
  std::getline(lines, line);  // the interpreter's version
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    Case c;
    std::getline(fields, c.name, '\t');
    std::getline(fields, c.kind, '\t');
    std::getline(fields, c.flavour, '\t');
    std::getline(fields, c.caution, '\t');
    if (c.caution == "-") c.caution.clear();
    c.op = c.name.substr(0, c.name.find('/'));
    cases_.push_back(std::move(c));
  }
}

}  // namespace hone::tests
