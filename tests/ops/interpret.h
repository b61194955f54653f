#pragma once
/// Runs subgraph 0 of a file, operator by operator, for tests of ops that need no Model.

#include <map>
#include <span>
#include <vector>

#include <hone/variable.h>

#include "src/tflite/reader.h"

namespace hone::tests {

struct Interpreted {
  std::vector<Variable> inputs, outputs;
  std::map<std::int32_t, Variable> constants;  ///< by tensor; those that operators read
};

/// `inputs` by position, in the file's element types or their twins; every input and constant
/// that can have a gradient gets one.  Throws Error where an operator is not in the table.
Interpreted interpret(const file::ModelFile& model, std::span<const Tensor> inputs,
                      bool keeps_packed = true);
/// The same without a graph, each operator upon copies of its inputs, in whose place it may write.
Interpreted interpret_in_place(const file::ModelFile& model, std::span<const Tensor> inputs);

}  // namespace hone::tests
