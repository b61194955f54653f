#include <string>
#include <vector>

#include "ops/kernels/conv_table.h"
#include "tests/kernels/conv_cases.h"
#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at;
using testing::at_every_level;
using testing::conv_cases;
using testing::describe;
using testing::for_products;
using testing::near;
using testing::Numbers;
using testing::Sum;

struct Operands {
  Conv s;
  std::ptrdiff_t pixels_in, pixels_out, patch;
  std::vector<float> x, w, gy, bias;

  explicit Operands(const Conv& shape)
      : s(shape), pixels_in(s.h * s.w), pixels_out(s.oh * s.ow), patch(s.kh * s.kw * s.c) {
    Numbers numbers(11);
    x = numbers.floats(pixels_in * s.x_pixel);
    w = numbers.floats(s.o * patch);
    gy = numbers.floats(pixels_out * s.y_pixel);
    bias = numbers.floats(s.o);
  }
};

TEST(GatherProduct, IsTheForwardConvolution) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : conv_cases()) {
      const Operands in(s);
      std::vector<float> wt(in.w.size());
      for (std::ptrdiff_t o = 0; o < s.o; ++o) {
        for (std::ptrdiff_t i = 0; i < in.patch; ++i)
          wt[at(i * s.o + o)] = in.w[at(o * in.patch + i)];
      }
      std::vector<std::int32_t> table(forward_table_size(s, kernels.row_block), -7);
      build_forward_table(s, kernels.row_block, table.data());
      ASSERT_NE(table.back(), -7);
      std::vector<float> y(in.gy.size(), 3.0f);
      const std::ptrdiff_t tiles = forward_tiles(s, kernels.row_block);
      for (const std::ptrdiff_t half : {std::ptrdiff_t{0}, tiles / 2}) {
        kernels.gather_product({.table = table.data(),
                                .first_tile = half,
                                .last_tile = half == 0 && tiles > 1 ? tiles / 2 : tiles,
                                .a = in.x.data(),
                                .k = s.c,
                                .b = wt.data(),
                                .b_row = s.o,
                                .n = s.o,
                                .bias = in.bias.data(),
                                .lo = -0.5f,
                                .c = y.data()});
      }
      std::vector<Sum> expected(y.size());
      for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(y.size()); ++i) {
        if (i % s.y_pixel < s.o) expected[at(i)].add(in.bias[at(i % s.y_pixel)]);
      }
      for_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
        expected[at(yi)].add(double{in.x[at(xi)]} * in.w[at(wi)]);
      });
      for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(y.size()); ++i) {
        if (i % s.y_pixel >= s.o) {
          ASSERT_EQ(y[at(i)], 3.0f) << "a channel of another group, " << describe(s);
        } else {
          ASSERT_TRUE(near(y[at(i)], expected[at(i)], -0.5)) << describe(s) << " at " << i;
        }
      }
    }
  });
}

TEST(GatherProduct, IsTheGradientOfTheInput) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : conv_cases()) {
      const Operands in(s);
      std::vector<std::int32_t> table(backward_table_size(s, kernels.row_block), -7);
      build_backward_table(s, kernels.row_block, table.data());
      ASSERT_NE(table.back(), -7);
      std::vector<float> gx(in.x.size(), 3.0f);
      const std::ptrdiff_t tiles = backward_tiles(s, kernels.row_block);
      for (std::ptrdiff_t tile = 0; tile < tiles; tile += 3) {
        kernels.gather_product({.table = table.data(),
                                .first_tile = tile,
                                .last_tile = std::min(tile + 3, tiles),
                                .a = in.gy.data(),
                                .k = s.o,
                                .b = in.w.data(),
                                .b_row = in.patch,
                                .n = s.c,
                                .c = gx.data()});
      }
      std::vector<Sum> expected(gx.size());
      for_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
        expected[at(xi)].add(double{in.gy[at(yi)]} * in.w[at(wi)]);
      });
      for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(gx.size()); ++i) {
        if (i % s.x_pixel >= s.c) {
          ASSERT_EQ(gx[at(i)], 3.0f) << "a channel of another group, " << describe(s);
        } else {
          ASSERT_TRUE(near(gx[at(i)], expected[at(i)])) << describe(s) << " at " << i;
        }
      }
    }
  });
}

TEST(GatherWeights, IsTheTransposedGradientOfTheWeights) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : conv_cases()) {
      for (const bool accumulate : {false, true}) {
        const Operands in(s);
        std::vector<std::int32_t> table(forward_table_size(s, kernels.row_block));
        build_forward_table(s, kernels.row_block, table.data());
        const std::vector<float> before = Numbers(12).floats(s.o * in.patch);
        std::vector<float> gw = before;
        for (std::ptrdiff_t tap = 0; tap < s.kh * s.kw; ++tap) {
          kernels.gather_weights({.table = table.data(),
                                  .first_tap = tap,
                                  .last_tap = tap + 1,
                                  .c = s.c,
                                  .o = s.o,
                                  .x = in.x.data(),
                                  .gy = in.gy.data(),
                                  .gy_pixel = s.y_pixel,
                                  .gw = gw.data(),
                                  .accumulate = accumulate});
        }
        std::vector<Sum> expected(gw.size());
        for (std::size_t i = 0; i < gw.size() && accumulate; ++i) expected[i].add(before[i]);
        for_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
          expected[at(wi % in.patch * s.o + wi / in.patch)].add(double{in.x[at(xi)]} *
                                                                in.gy[at(yi)]);
        });
        for (std::size_t i = 0; i < gw.size(); ++i) {
          ASSERT_TRUE(near(gw[i], expected[i])) << describe(s) << " at " << i;
        }
      }
    }
  });
}

}  // namespace
}  // namespace hone
