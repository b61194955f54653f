#pragma once
/// A row as a one-op .tflite, built through the object API and read back through the reader.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <hone/variable.h>

#include "tests/ops/rows.h"

namespace hone::tests {

/// Raw values of that type for real ones; rounded where the type is an integer.
Tensor tensor_of(const TensorType& type, const Values& values);
/// The reverse: what the raw values mean, exactly, in double.
Values values_of(const Tensor& tensor);

/// One call, as a file says it.
struct OneOp {
  const OpDef* op = nullptr;
  Box attributes;
  std::vector<Tensor> inputs;  ///< constants: as the reader gives them; absent where left out
  std::vector<TensorType> declared;
  std::string where;

  Variables run(std::span<const Variable> x) const;
};

/// Throws Error where the reader or the op's parse refuses it.  `values`: one tensor an input;
/// `constant[i]`: input i stands in the file.
OneOp read_back(std::string_view op, const Row& row, std::span<const Tensor> values,
                const std::vector<bool>& constant);

/// Bytes of a tensor in a file, and the table that describes it, apart from name and buffer.
std::unique_ptr<tflite::TensorT> table_of(const TensorType& type);

}  // namespace hone::tests
