// Writes docs/ops.md, or with the argument `names` the list in README.md, to standard output.
#include <cstring>
#include <iostream>

#include "ops/table.h"

namespace {

void print_names() {
  std::string line;
  for (const hone::OpDef* op : hone::ops::all()) {
    const std::string word = std::string(op->name) + (op == hone::ops::all().back() ? "." : ",");
    if (line.size() + 1 + word.size() > 120) {
      std::cout << line << '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  std::cout << line << '\n';
}

void print_table() {
  std::cout
      << "# Operators\n\n"
         "Written by `tests/docs/ops_table` from the table of ops. The types are those of the "
         "input that decides which\nkernel runs; \"any\" means that the op itself looks at "
         "the types of its inputs. int4 weights run as int8.\n\n"
         "| operator | element types | gradient |\n|---|---|---|\n";
  for (const hone::OpDef* op : hone::ops::all()) {
    std::cout << "| " << op->name << " | ";
    const char* comma = "";
    for (const hone::DType dtype : op->dtypes) {
      std::cout << comma << dtype;
      comma = ", ";
    }
    std::cout << (op->dtypes.empty() ? "any" : "") << " | " << (op->differentiable() ? "yes" : "no")
              << " |\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "names") == 0)
    print_names();
  else
    print_table();
  return 0;
}
