#include <string>
#include <tuple>
#include <vector>

#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at_every_level;
using testing::near;
using testing::Numbers;
using testing::Sum;

using Size = std::tuple<int, int, int>;

std::vector<Size> odd_sizes() {
  std::vector<Size> sizes;
  for (const int m : {1, 2, 5, 6, 7, 8, 9, 13, 25}) {
    for (const int n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 25, 31, 48, 50, 63, 67}) {
      for (const int k : {1, 2, 7, 33}) sizes.emplace_back(m, n, k);
    }
  }
  sizes.insert(sizes.end(), {{3, 50, 0}, {17, 21, 1300}, {64, 96, 520}, {0, 3, 4}, {3, 0, 4}});
  return sizes;
}

/// A product with strides wider than the matrices, and room after each row that must stay as it is.
struct GemmCase {
  Gemm g;
  std::vector<float> a, b, c, bias;

  GemmCase(Size size, bool transposed, unsigned seed) {
    std::tie(g.m, g.n, g.k) = size;
    Numbers numbers(seed);
    g.a_row = transposed ? 1 : g.k + 3;
    g.a_col = transposed ? g.m + 2 : 1;
    g.b_row = g.n + 1;
    g.c_row = g.n + 2;
    a = numbers.floats((g.m + 3) * (g.k + 3));
    b = numbers.floats(g.k * g.b_row + 1);
    c = numbers.floats(g.m * g.c_row + 1);
    bias = numbers.floats(g.n + 1);
    a.shrink_to_fit();
    g.a = a.data();
    g.b = b.data();
  }

  Sum expected(std::ptrdiff_t i, std::ptrdiff_t j, const std::vector<float>& before) const {
    Sum sum;
    if (g.accumulate) {
      sum.add(before[static_cast<std::size_t>(i * g.c_row + j)]);
    } else if (g.bias != nullptr) {
      sum.add(g.bias[j]);
    }
    for (std::ptrdiff_t k = 0; k < g.k; ++k) {
      sum.add(double{g.a[i * g.a_row + k * g.a_col]} * g.b[k * g.b_row + j]);
    }
    return sum;
  }

  void check(const Kernels& kernels) {
    std::vector<float> result = c;
    g.c = result.data();
    kernels.gemm(g);
    for (std::ptrdiff_t i = 0; i < g.m; ++i) {
      for (std::ptrdiff_t j = 0; j < g.c_row; ++j) {
        const std::size_t at = static_cast<std::size_t>(i * g.c_row + j);
        if (j >= g.n) {
          ASSERT_EQ(result[at], c[at]) << "beyond the end of row " << i;
        } else {
          ASSERT_TRUE(near(result[at], expected(i, j, c), g.lo, g.hi))
              << g.m << 'x' << g.n << 'x' << g.k << " at " << i << ',' << j;
        }
      }
    }
  }
};

TEST(Gemm, MultipliesRowsByColumns) {
  at_every_level([](const Kernels& kernels) {
    for (const Size& size : odd_sizes()) GemmCase(size, false, 1).check(kernels);
  });
}

TEST(Gemm, MultipliesATransposedLeftOperand) {
  at_every_level([](const Kernels& kernels) {
    for (const Size& size : odd_sizes()) GemmCase(size, true, 2).check(kernels);
  });
}

TEST(Gemm, StartsFromTheBiasAndClamps) {
  at_every_level([](const Kernels& kernels) {
    for (const Size& size : odd_sizes()) {
      GemmCase c(size, false, 3);
      c.g.bias = c.bias.data();
      c.g.lo = -0.25f;
      c.g.hi = 0.5f;
      c.check(kernels);
    }
  });
}

TEST(Gemm, AddsToWhatIsThere) {
  at_every_level([](const Kernels& kernels) {
    for (const Size& size : odd_sizes()) {
      GemmCase c(size, true, 4);
      c.g.accumulate = true;
      c.check(kernels);
    }
  });
}

TEST(Gemm, GivesTheSameBitsHoweverTheOutputIsSplit) {
  at_every_level([](const Kernels& kernels) {
    for (const Size& size : {Size{29, 130, 40}, Size{17, 21, 1300}, Size{11, 24, 9}}) {
      GemmCase c(size, false, 5);
      std::vector<float> whole = c.c, parts = c.c;
      c.g.c = whole.data();
      kernels.gemm(c.g);
      for (std::ptrdiff_t i = 0; i < c.g.m; i += 3) {
        for (std::ptrdiff_t j = 0; j < c.g.n; j += 10) {
          Gemm part = c.g;
          part.m = std::min<std::ptrdiff_t>(3, c.g.m - i);
          part.n = std::min<std::ptrdiff_t>(10, c.g.n - j);
          part.a += i * part.a_row;
          part.b += j;
          part.c = parts.data() + i * part.c_row + j;
          kernels.gemm(part);
        }
      }
      ASSERT_EQ(whole, parts);
    }
  });
}

TEST(Gemm, PassesNaNThroughTheClamp) {
  at_every_level([](const Kernels& kernels) {
    GemmCase c({9, 19, 3}, false, 6);
    c.g.lo = 0;
    c.g.hi = 6;
    c.g.c = c.c.data();
    c.a[0] = NAN;
    kernels.gemm(c.g);
    EXPECT_TRUE(std::isnan(c.c[0]));
    EXPECT_FALSE(std::isnan(c.c[static_cast<std::size_t>(c.g.c_row)]));
  });
}

TEST(Dot, MultipliesRowsByRows) {
  at_every_level([](const Kernels& kernels) {
    for (const Size& size : odd_sizes()) {
      for (const bool accumulate : {false, true}) {
        GemmCase c(size, false, 7);
        Numbers numbers(8);
        const std::vector<float> w = numbers.floats((c.g.n + 1) * (c.g.k + 2));
        Dot d;
        d.m = c.g.m, d.n = c.g.n, d.k = c.g.k;
        d.a = c.g.a, d.a_row = c.g.a_row;
        d.b = w.data(), d.b_row = c.g.k + 2;
        d.bias = c.bias.data();
        d.lo = -1;
        d.accumulate = accumulate;
        std::vector<float> result = c.c;
        d.c = result.data(), d.c_row = c.g.c_row;
        kernels.dot(d);
        for (std::ptrdiff_t i = 0; i < d.m; ++i) {
          for (std::ptrdiff_t j = 0; j < d.c_row; ++j) {
            const std::size_t at = static_cast<std::size_t>(i * d.c_row + j);
            if (j >= d.n) {
              ASSERT_EQ(result[at], c.c[at]);
              continue;
            }
            Sum sum;
            sum.add(accumulate ? c.c[at] : d.bias[j]);
            for (std::ptrdiff_t k = 0; k < d.k; ++k) {
              sum.add(double{d.a[i * d.a_row + k]} * d.b[j * d.b_row + k]);
            }
            ASSERT_TRUE(near(result[at], sum, d.lo)) << d.m << 'x' << d.n << 'x' << d.k;
          }
        }
      }
    }
  });
}

TEST(Dot, GivesTheSameBitsHoweverTheOutputIsSplit) {
  at_every_level([](const Kernels& kernels) {
    GemmCase c({7, 11, 131}, false, 9);
    const std::vector<float> w = Numbers(10).floats(11 * 131);
    std::vector<float> whole(77), parts(77);
    Dot d{.m = 7, .n = 11, .k = 131, .a = c.g.a, .a_row = c.g.a_row, .b = w.data(), .b_row = 131};
    d.c = whole.data();
    d.c_row = 11;
    kernels.dot(d);
    for (std::ptrdiff_t i = 0; i < 7; ++i) {
      for (std::ptrdiff_t j = 0; j < 11; ++j) {
        Dot part = d;
        part.m = part.n = 1;
        part.a += i * d.a_row;
        part.b += j * d.b_row;
        part.c = parts.data() + i * 11 + j;
        kernels.dot(part);
      }
    }
    EXPECT_EQ(whole, parts);
  });
}

}  // namespace
}  // namespace hone
