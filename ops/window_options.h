#pragma once
/// What the ops with sliding windows share: their options from a file, and the checked geometry.

#include <string_view>

#include <hone/functions.h>

#include "ops/kernels/window.h"
#include "ops/op.h"

namespace hone::ops {

inline Padding padding(tflite::Padding number) {
  const int value = static_cast<int>(number);
  if (value != 0 && value != 1) {
    fail(ErrorKind::file, "options", "expected padding 0 or 1, got ", value);
  }
  return static_cast<Padding>(value);
}

/// One axis of a window.  Refuses numbers below 1 and images that are too small for it.
inline WindowAxis checked_axis(const Call& call, std::string_view axis, std::int64_t input,
                               std::int64_t size, std::int64_t stride, std::int64_t dilation,
                               Padding padding) {
  const auto positive = [&](std::string_view what, std::int64_t value) {
    if (value < 1 || value > INT32_MAX) {
      call.refuse("expected a positive ", what, " along the ", axis, ", got ", value);
    }
  };
  positive("filter size", size);
  positive("stride", stride);
  positive("dilation", dilation);
  const WindowAxis w = window_axis(input, size, stride, dilation, padding == Padding::same);
  if (w.output == 0 && input > 0) {
    call.refuse("expected an image of at least ", (size - 1) * dilation + 1, " pixels along the ",
                axis, ", got ", input);
  }
  return w;
}

}  // namespace hone::ops
