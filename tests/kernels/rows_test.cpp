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

TEST(MaskedSums, ZeroTheGradientWhereTheOutputSitsAtItsClamp) {
  at_every_level([](const Kernels& kernels) {
    for (const int columns : {1, 4, 19, 80}) {
      const int rows = 300;
      std::vector<float> y = Numbers(4).floats(rows * columns);
      for (float& v : y) v = std::fmin(std::fmax(v, -0.5f), 0.25f);
      const std::vector<float> g = Numbers(5).floats(rows * columns);
      std::vector<float> masked = g, sums(static_cast<std::size_t>(columns));
      kernels.masked_sums({.rows = rows,
                           .columns = columns,
                           .y = y.data(),
                           .y_row = columns,
                           .g = masked.data(),
                           .g_row = columns,
                           .lo = -0.5f,
                           .hi = 0.25f,
                           .sums = sums.data()});
      std::vector<Sum> expected(sums.size());
      for (std::size_t i = 0; i < g.size(); ++i) {
        const float want = y[i] > -0.5f && y[i] < 0.25f ? g[i] : 0.0f;
        ASSERT_EQ(masked[i], want);
        expected[i % sums.size()].add(want);
      }
      for (std::size_t j = 0; j < sums.size(); ++j) ASSERT_TRUE(near(sums[j], expected[j]));
    }
  });
}

}  // namespace
}  // namespace hone
