#pragma once
/// Shapes of convolutions for the tests, and their definition in loops.

#include <algorithm>
#include <string>
#include <vector>

#include "ops/kernels/table.h"

namespace hone::testing {

inline std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

/// A shape with SAME padding (or none) and its output size; `groups` widens the pixels only.
inline Conv conv(std::ptrdiff_t h, std::ptrdiff_t w, std::ptrdiff_t c, std::ptrdiff_t o,
                 std::ptrdiff_t kh, std::ptrdiff_t kw, std::ptrdiff_t stride = 1,
                 std::ptrdiff_t dilation = 1, bool same = true, std::ptrdiff_t groups = 1) {
  Conv s;
  s.h = h, s.w = w, s.c = c, s.o = o, s.kh = kh, s.kw = kw;
  s.stride_h = s.stride_w = stride;
  s.dilation_h = s.dilation_w = dilation;
  s.x_pixel = c * groups, s.y_pixel = o * groups;
  const std::ptrdiff_t reach_h = (kh - 1) * dilation + 1, reach_w = (kw - 1) * dilation + 1;
  if (same) {
    s.oh = (h + stride - 1) / stride, s.ow = (w + stride - 1) / stride;
    s.pad_top = std::max<std::ptrdiff_t>(0, (s.oh - 1) * stride + reach_h - h) / 2;
    s.pad_left = std::max<std::ptrdiff_t>(0, (s.ow - 1) * stride + reach_w - w) / 2;
  } else {
    s.oh = (h - reach_h) / stride + 1, s.ow = (w - reach_w) / stride + 1;
  }
  return s;
}

inline std::vector<Conv> conv_cases() {
  std::vector<Conv> cases = {
      conv(8, 8, 3, 16, 3, 3, 2),
      conv(7, 9, 16, 16, 3, 3),
      conv(6, 5, 8, 24, 3, 3, 2),
      conv(5, 5, 4, 5, 5, 5),
      conv(1, 30, 6, 12, 1, 5, 2),
      conv(9, 4, 7, 9, 2, 3, 3),
      conv(10, 10, 5, 3, 3, 3, 1, 2),
      conv(11, 9, 2, 33, 3, 2, 2, 3),
      conv(6, 6, 10, 17, 1, 1, 2),
      conv(6, 7, 3, 4, 3, 3, 1, 1, false),
      conv(8, 8, 9, 7, 3, 3, 2, 1, false),
      conv(5, 6, 4, 8, 3, 3, 1, 1, true, 3),
      conv(7, 7, 2, 2, 1, 1, 3, 1, false),
      conv(1, 1, 1, 1, 3, 3),
      conv(3, 2, 600, 3, 2, 2),
      conv(19, 17, 6, 50, 3, 3),
      conv(4, 4, 25, 64, 3, 3, 2),
      conv(2, 2, 8, 8, 5, 5, 4),
  };
  Conv uneven = conv(9, 8, 6, 10, 3, 2, 2);
  uneven.stride_w = 1, uneven.dilation_h = 2;
  uneven.oh = 4, uneven.ow = 7, uneven.pad_top = 1, uneven.pad_left = 0;
  cases.push_back(uneven);
  return cases;
}

inline std::string describe(const Conv& s) {
  std::string text;
  for (const std::ptrdiff_t n : {s.h, s.w, s.c, s.o, s.kh, s.kw, s.stride_h, s.dilation_h}) {
    text += std::to_string(n) + ' ';
  }
  return text;
}

/// Calls visit(index in x, in w, in y) for every product of the convolution: its definition.
template <class Visit>
void for_products(const Conv& s, Visit visit) {
  for (std::ptrdiff_t p = 0; p < s.oh * s.ow; ++p) {
    for (std::ptrdiff_t t = 0; t < s.kh * s.kw; ++t) {
      const std::ptrdiff_t y = p / s.ow * s.stride_h - s.pad_top + t / s.kw * s.dilation_h;
      const std::ptrdiff_t x = p % s.ow * s.stride_w - s.pad_left + t % s.kw * s.dilation_w;
      if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
      for (std::ptrdiff_t o = 0; o < s.o; ++o) {
        for (std::ptrdiff_t c = 0; c < s.c; ++c) {
          visit((y * s.w + x) * s.x_pixel + c, (o * s.kh * s.kw + t) * s.c + c, p * s.y_pixel + o);
        }
      }
    }
  }
}

}  // namespace hone::testing
