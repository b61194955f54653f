#pragma once
/// The geometry of sliding windows, for references: from the format's words, apart from the
/// kernels.

#include <algorithm>
#include <cstdint>

#include "tests/ops/rows.h"

namespace hone::tests {

/// One axis: SAME pads so that every input is met, the odd element at the end; VALID not at all.
struct TestAxis {
  std::int64_t in, out, size, stride, dilation, before;

  TestAxis(std::int64_t in_, std::int64_t out_, std::int64_t size_, std::int64_t stride_,
           std::int64_t dilation_, tflite::Padding padding)
      : in(in_), out(out_), size(size_), stride(stride_), dilation(dilation_), before(0) {
    const std::int64_t total = (out - 1) * stride + (size - 1) * dilation + 1 - in;
    if (padding == tflite::Padding_SAME) before = std::max<std::int64_t>(total, 0) / 2;
  }
  /// The input under a tap; -1: outside.
  std::int64_t at(std::int64_t o, std::int64_t tap) const {
    const std::int64_t i = o * stride - before + tap * dilation;
    return i < in ? std::max<std::int64_t>(i, -1) : -1;
  }
};

/// Calls f(output offset of (n, oy, ox, 0), input offset of (n, iy, ix, 0), tap) for each output
/// pixel and tap in the image, in memory order.
template <class F>
void each_window_tap(const Shape& x, const Shape& y, const TestAxis& h, const TestAxis& w, F&& f) {
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t oy = 0; oy < h.out; ++oy) {
      for (std::int64_t ox = 0; ox < w.out; ++ox) {
        for (std::int64_t tap = 0; tap < h.size * w.size; ++tap) {
          const std::int64_t iy = h.at(oy, tap / w.size), ix = w.at(ox, tap % w.size);
          if (iy < 0 || ix < 0) continue;
          f(static_cast<std::size_t>(((n * y[1] + oy) * y[2] + ox) * y[3]),
            static_cast<std::size_t>(((n * x[1] + iy) * x[2] + ix) * x[3]),
            static_cast<std::size_t>(tap));
        }
      }
    }
  }
}

}  // namespace hone::tests
