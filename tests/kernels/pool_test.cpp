#include <algorithm>

#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at_every_level;
using testing::Numbers;

template <class T>
using Kernel = void (*)(const MaxPoolIntegers<T>&) noexcept;

/// Under the window of output (i, j), channel by channel.
template <class T>
int largest(const MaxPoolIntegers<T>& p, std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t c) {
  const Conv& s = p.shape;
  int best = std::numeric_limits<int>::lowest();
  for (std::ptrdiff_t a = 0; a < s.kh; ++a) {
    for (std::ptrdiff_t b = 0; b < s.kw; ++b) {
      const std::ptrdiff_t y = i * s.stride_h - s.pad_top + a, x = j * s.stride_w - s.pad_left + b;
      if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
      best = std::max<int>(best, p.x[(y * s.w + x) * s.c + c]);
    }
  }
  return std::clamp<int>(best, p.lo, p.hi);
}

template <class T>
void expect_largest(const Conv& s, Kernel<T> kernel) {
  using Limits = std::numeric_limits<T>;
  const auto x = Numbers(1).integers<T>(s.h * s.w * s.c, Limits::min(), Limits::max());
  std::vector<T> y(static_cast<std::size_t>(s.oh * s.ow * s.c));
  MaxPoolIntegers<T> p{.shape = s,
                       .last_row = s.oh / 2,
                       .x = x.data(),
                       .lo = static_cast<T>(Limits::min() + 9),
                       .hi = static_cast<T>(Limits::max() - 3),
                       .out = y.data()};
  kernel(p);
  p.first_row = p.last_row, p.last_row = s.oh;
  kernel(p);
  std::size_t at = 0;
  for (std::ptrdiff_t i = 0; i < s.oh; ++i) {
    for (std::ptrdiff_t j = 0; j < s.ow; ++j) {
      for (std::ptrdiff_t c = 0; c < s.c; ++c) {
        ASSERT_EQ(y[at++], largest(p, i, j, c)) << i << ' ' << j << ' ' << c;
      }
    }
  }
}

/// Windows of kh x kw, as many as SAME padding gives.
Conv pool(std::ptrdiff_t h, std::ptrdiff_t w, std::ptrdiff_t c, std::ptrdiff_t kh,
          std::ptrdiff_t kw, std::ptrdiff_t stride) {
  Conv s{.h = h, .w = w, .c = c, .oh = (h + stride - 1) / stride, .ow = (w + stride - 1) / stride};
  s.o = c, s.kh = kh, s.kw = kw, s.stride_h = s.stride_w = stride;
  s.pad_top = std::max<std::ptrdiff_t>((s.oh - 1) * stride + kh - h, 0) / 2;
  s.pad_left = std::max<std::ptrdiff_t>((s.ow - 1) * stride + kw - w, 0) / 2;
  return s;
}

TEST(MaxPoolIntegers, IsTheLargestUnderEachWindow) {
  const std::vector<Conv> shapes = {
      pool(6, 8, 8, 2, 2, 2),      // few channels
      pool(5, 7, 3, 3, 3, 1),      // padded, fewer numbers than a vector
      pool(7, 6, 17, 3, 2, 2),     // a vector and one more
      pool(4, 4, 40, 2, 2, 2),     //
      pool(3, 5, 64, 3, 3, 1),     // whole vectors
      pool(3, 3, 100, 3, 3, 2),    // whole vectors and some more
      pool(2, 1300, 8, 2, 3, 1),   // a row is more than one strip
      pool(1, 900, 5, 1, 850, 7),  // a window is more than a strip
      pool(1, 1, 1, 1, 1, 1),
  };
  at_every_level([&](const Kernels& kernels) {
    for (const Conv& s : shapes) {
      expect_largest<std::int8_t>(s, kernels.max_pool_int8);
      expect_largest<std::uint8_t>(s, kernels.max_pool_uint8);
      expect_largest<std::int16_t>(s, kernels.max_pool_int16);
    }
  });
}

}  // namespace
}  // namespace hone
