#pragma once
/// What the file of an op includes: the contract, the schema's options, and the arithmetic that ops
/// share.

#include <hone/op.h>

#include "ops/kernels/fixed_point.h"
#include "src/schema/options.h"

namespace hone::ops {

/// A fused activation of the file.  Throws Error (file) on a number that the format does not know.
inline Activation fused_activation(tflite::ActivationFunctionType number) {
  const int value = static_cast<int>(number);
  if (value < 0 || value > static_cast<int>(Activation::sign_bit)) {
    fail(ErrorKind::file, "options", "expected a fused activation from 0 to ",
         static_cast<int>(Activation::sign_bit), ", got ", value);
  }
  return static_cast<Activation>(value);
}

}  // namespace hone::ops
