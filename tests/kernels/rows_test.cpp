#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at_every_level;
using testing::near;
using testing::Numbers;
using testing::Sum;

TEST(Transpose, SwapsRowsAndColumns) {
  at_every_level([](const Kernels& kernels) {
    for (const int rows : {1, 3, 4, 8, 9, 20, 33}) {
      for (const int columns : {1, 2, 4, 7, 8, 16, 19}) {
        const std::vector<float> from = Numbers(1).floats(rows * (columns + 1));
        std::vector<float> to(static_cast<std::size_t>(columns * (rows + 2)), 7.0f);
        kernels.transpose({.rows = rows,
                           .columns = columns,
                           .from = from.data(),
                           .from_row = columns + 1,
                           .to = to.data(),
                           .to_row = rows + 2});
        for (int j = 0; j < columns; ++j) {
          for (int i = 0; i < rows + 2; ++i) {
            const float expected =
                i < rows ? from[static_cast<std::size_t>(i * (columns + 1) + j)] : 7.0f;
            ASSERT_EQ(to[static_cast<std::size_t>(j * (rows + 2) + i)], expected);
          }
        }
      }
    }
  });
}

// Integer weights pass through it, four bytes as a float.
TEST(Transpose, MovesEveryBitPattern) {
  at_every_level([](const Kernels& kernels) {
    for (const int rows : {1, 8, 13}) {
      constexpr int columns = 21;
      std::vector<std::uint32_t> from;
      for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(rows * columns); ++i) {
        const std::uint32_t patterns[] = {0x7f800001u + i, 0xff800001u + i, 0x80000000u, i};
        from.push_back(patterns[i % 4]);  // numbers that are none, -0, denormal ones
      }
      std::vector<float> floats(from.size()), to(from.size());
      std::memcpy(floats.data(), from.data(), 4 * from.size());
      kernels.transpose({.rows = rows,
                         .columns = columns,
                         .from = floats.data(),
                         .from_row = columns,
                         .to = to.data(),
                         .to_row = rows});
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < columns; ++j) {
          std::uint32_t got;
          std::memcpy(&got, &to[static_cast<std::size_t>(j * rows + i)], 4);
          ASSERT_EQ(got, from[static_cast<std::size_t>(i * columns + j)]) << i << ' ' << j;
        }
      }
    }
  });
}

TEST(Transpose, AddsToWhatIsThere) {
  at_every_level([](const Kernels& kernels) {
    const std::vector<float> from = Numbers(1).floats(13 * 18), before = Numbers(2).floats(13 * 18);
    std::vector<float> to = before;
    kernels.transpose({.rows = 13,
                       .columns = 18,
                       .from = from.data(),
                       .from_row = 18,
                       .to = to.data(),
                       .to_row = 13,
                       .accumulate = true});
    for (std::size_t i = 0; i < to.size(); ++i) {
      ASSERT_EQ(to[i], before[i] + from[i % 13 * 18 + i / 13]);
    }
  });
}

TEST(ColumnSums, AddUpTheRowsOfEachColumn) {
  at_every_level([](const Kernels& kernels) {
    for (const int rows : {0, 1, 5, 256, 700}) {
      for (const int columns : {1, 3, 4, 16, 21, 67, 130}) {
        for (const bool accumulate : {false, true}) {
          const std::vector<float> x = Numbers(2).floats(rows * (columns + 1));
          const std::vector<float> before = Numbers(3).floats(columns + 1);
          std::vector<float> sums = before;
          kernels.column_sums({.rows = rows,
                               .columns = columns,
                               .x = x.data(),
                               .x_row = columns + 1,
                               .sums = sums.data(),
                               .accumulate = accumulate});
          for (std::size_t j = 0; j < sums.size(); ++j) {
            Sum sum;
            if (accumulate) sum.add(before[j]);
            for (int i = 0; i < rows; ++i) {
              sum.add(x[static_cast<std::size_t>(i * (columns + 1)) + j]);
            }
            if (j == static_cast<std::size_t>(columns)) {
              ASSERT_EQ(sums[j], before[j]);
            } else {
              ASSERT_TRUE(near(sums[j], sum)) << rows << 'x' << columns << " at " << j;
            }
          }
        }
      }
    }
  });
}

TEST(ClampGrad, IsZeroWhereTheOutputSitsAtItsClamp) {
  at_every_level([](const Kernels& kernels) {
    for (const int count : {0, 1, 15, 16, 100, 1000}) {
      std::vector<float> y = Numbers(4).floats(count);
      for (float& v : y) v = std::fmin(std::fmax(v, -0.5f), 0.25f);
      const std::vector<float> g = Numbers(5).floats(count);
      std::vector<float> masked = g;
      kernels.clamp_grad(
          {.count = count, .y = y.data(), .lo = -0.5f, .hi = 0.25f, .g = masked.data()});
      for (std::size_t i = 0; i < g.size(); ++i) {
        ASSERT_EQ(masked[i], y[i] > -0.5f && y[i] < 0.25f ? g[i] : 0.0f);
      }
    }
  });
}

std::int64_t softmax_sum = 0;

TEST(SoftmaxBytes, IsTheShareOfEachExponentialInTheirSum) {
  const auto exponentials = Numbers(7).integers<std::int32_t>(256, 0, 0x7fffffff);
  constexpr int rows = 3;
  at_every_level([&](const Kernels& kernels) {
    for (const std::ptrdiff_t count : {1, 7, 16, 65, 600}) {
      for (const bool is_unsigned : {false, true}) {
        const auto x = Numbers(8).integers<std::int8_t>(rows * count, -128, 127);
        const auto value = [&](std::ptrdiff_t i) {
          const std::int8_t v = x[static_cast<std::size_t>(i)];
          return is_unsigned ? int{static_cast<std::uint8_t>(v)} : int{v};
        };
        std::vector<std::int8_t> y(x.size());
        kernels.softmax_bytes({.rows = rows,
                               .count = count,
                               .x = x.data(),
                               .is_unsigned = is_unsigned,
                               .exponentials = exponentials.data(),
                               .share = [](std::int64_t sum) noexcept -> ByteShare {
                                 softmax_sum = sum;
                                 return {1500000000, 22};
                               },
                               .y = y.data()});
        std::int64_t sum = 0;  // of the last row
        for (std::ptrdiff_t r = 0; r < rows; ++r) {
          int largest = -128;
          for (std::ptrdiff_t i = 0; i < count; ++i) {
            largest = std::max(largest, value(r * count + i));
          }
          sum = 0;
          for (std::ptrdiff_t i = r * count; i < (r + 1) * count; ++i) {
            const std::int64_t e = exponentials[static_cast<std::size_t>(largest - value(i))];
            sum += (e + 2048) / 4096;
            const std::int64_t high = (e * 1500000000 + (1 << 30)) >> 31;
            const std::int64_t share = std::min<std::int64_t>((high + (1 << 21)) >> 22, 255);
            const std::int64_t expected = is_unsigned ? share : share - 128;
            ASSERT_EQ(y[static_cast<std::size_t>(i)], static_cast<std::int8_t>(expected)) << i;
          }
        }
        ASSERT_EQ(softmax_sum, sum);
      }
    }
  });
}

TEST(ClampGrad, OfIntegersIsZeroWhereTheOutputSitsAtItsClamp) {
  at_every_level([](const Kernels& kernels) {
    const int count = 1001;
    const auto bytes = Numbers(4).integers<std::int8_t>(count, -5, 5);
    const auto words = Numbers(5).integers<std::int16_t>(count, -500, 500);
    const std::vector<float> g = Numbers(6).floats(count);
    std::vector<float> by_bytes = g, by_words = g;
    kernels.clamp_grad_int8(
        {.count = count, .y = bytes.data(), .lo = -5, .hi = 4, .g = by_bytes.data()});
    kernels.clamp_grad_int16(
        {.count = count, .y = words.data(), .lo = 0, .hi = 400, .g = by_words.data()});
    for (std::size_t i = 0; i < g.size(); ++i) {
      ASSERT_EQ(by_bytes[i], bytes[i] > -5 && bytes[i] < 4 ? g[i] : 0.0f);
      ASSERT_EQ(by_words[i], words[i] > 0 && words[i] < 400 ? g[i] : 0.0f);
    }
  });
}

TEST(Finite, FindsInfinityAndNan) {
  at_every_level([](const Kernels& kernels) {
    constexpr float largest = std::numeric_limits<float>::max();
    std::vector<float> x(101, -largest);
    x[3] = largest, x[4] = 0.0f, x[5] = std::numeric_limits<float>::denorm_min();
    EXPECT_TRUE(kernels.finite({.count = 101, .x = x.data()}));
    EXPECT_TRUE(kernels.finite({}));
    for (const std::size_t at : {std::size_t{0}, std::size_t{50}, std::size_t{100}}) {
      for (const float bad : {INFINITY, -INFINITY, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> y = x;
        y[at] = bad;
        EXPECT_FALSE(kernels.finite({.count = 101, .x = y.data()})) << bad << " at " << at;
      }
    }
  });
}

TEST(Axpy, AddsAMultiple) {
  at_every_level([](const Kernels& kernels) {
    const std::vector<float> x = Numbers(4).floats(1001), before = Numbers(5).floats(1001);
    std::vector<float> y = before;
    kernels.axpy({.count = 1001, .factor = -0.3f, .x = x.data(), .y = y.data()});
    for (std::size_t i = 0; i < x.size(); ++i) {
      Sum expected;
      expected.add(before[i]);
      expected.add(double{-0.3f} * x[i]);
      ASSERT_TRUE(near(y[i], expected)) << i;
    }
  });
}

}  // namespace
}  // namespace hone
