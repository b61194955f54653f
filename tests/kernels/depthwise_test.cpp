#include <vector>

#include "tests/kernels/conv_cases.h"
#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at;
using testing::at_every_level;
using testing::conv;
using testing::describe;
using testing::near;
using testing::Numbers;
using testing::Sum;

std::vector<Conv> shapes() {
  std::vector<Conv> cases;
  for (const int c : {1, 3, 8, 16, 21, 40}) {
    for (const int stride : {1, 2, 3}) {
      cases.push_back(conv(9, 8, c, c, 3, 3, stride));
      cases.push_back(conv(8, 9, c, c, 3, 3, stride, 1, false));
      cases.push_back(conv(7, 10, c, c, 5, 5, stride));
      cases.push_back(conv(3, 3, c, c, 5, 5, stride));
      cases.push_back(conv(2, 1, c, c, 3, 3, stride));
      cases.push_back(conv(6, 7, c, 3 * c, 3, 2, stride));
      cases.push_back(conv(6, 11, c, c, 2, 4, stride));
    }
    cases.push_back(conv(9, 9, c, c, 3, 3, 1, 2));
    cases.push_back(conv(11, 9, c, c, 3, 3, 2, 2));
    cases.push_back(conv(9, 9, c, 2 * c, 3, 3, 1, 3));
    cases.push_back(conv(1, 12, c, c, 1, 3));
  }
  Conv uneven = conv(9, 8, 5, 5, 3, 3, 2);
  uneven.stride_w = 1;
  uneven.oh = 4, uneven.ow = 7, uneven.pad_top = 0, uneven.pad_left = 1;
  cases.push_back(uneven);
  return cases;
}

/// Calls visit(index in x, in w, in y) for every product.
template <class Visit>
void for_depthwise_products(const Conv& s, Visit visit) {
  for (std::ptrdiff_t p = 0; p < s.oh * s.ow; ++p) {
    for (std::ptrdiff_t t = 0; t < s.kh * s.kw; ++t) {
      const std::ptrdiff_t y = p / s.ow * s.stride_h - s.pad_top + t / s.kw * s.dilation_h;
      const std::ptrdiff_t x = p % s.ow * s.stride_w - s.pad_left + t % s.kw * s.dilation_w;
      if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
      for (std::ptrdiff_t o = 0; o < s.o; ++o) {
        visit((y * s.w + x) * s.c + o / (s.o / s.c), t * s.o + o, p * s.o + o);
      }
    }
  }
}

struct DepthwiseCase {
  Depthwise d;
  std::vector<float> x, w, gy, bias;

  explicit DepthwiseCase(const Conv& s) {
    Numbers numbers(21);
    x = numbers.floats(s.h * s.w * s.c);
    w = numbers.floats(s.kh * s.kw * s.o);
    gy = numbers.floats(s.oh * s.ow * s.o);
    bias = numbers.floats(s.o);
    d.shape = s;
    d.last_channel = s.c;
    d.x = x.data(), d.w = w.data(), d.gy = gy.data();
  }
};

TEST(Depthwise, ConvolvesEachChannelWithItsOwnTaps) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : shapes()) {
      DepthwiseCase c(s);
      std::vector<float> y(c.gy.size(), 9.0f);
      c.d.bias = c.bias.data();
      c.d.lo = -1, c.d.hi = 1.5f;
      c.d.out = y.data();
      c.d.last_row = s.oh;
      kernels.depthwise(c.d);
      std::vector<Sum> expected(y.size());
      for (std::size_t i = 0; i < y.size(); ++i) expected[i].add(c.bias[i % at(s.o)]);
      for_depthwise_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
        expected[at(yi)].add(double{c.x[at(xi)]} * c.w[at(wi)]);
      });
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_TRUE(near(y[i], expected[i], -1, 1.5)) << describe(s) << " at " << i;
      }
    }
  });
}

TEST(Depthwise, GivesTheGradientOfTheInput) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : shapes()) {
      DepthwiseCase c(s);
      std::vector<float> gx(c.x.size(), 9.0f);
      c.d.out = gx.data();
      c.d.last_row = s.h;
      kernels.depthwise_input(c.d);
      std::vector<Sum> expected(gx.size());
      for_depthwise_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
        expected[at(xi)].add(double{c.gy[at(yi)]} * c.w[at(wi)]);
      });
      for (std::size_t i = 0; i < gx.size(); ++i) {
        ASSERT_TRUE(near(gx[i], expected[i])) << describe(s) << " at " << i;
      }
    }
  });
}

TEST(Depthwise, GivesTheGradientOfTheWeights) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : shapes()) {
      for (const bool accumulate : {false, true}) {
        DepthwiseCase c(s);
        const std::vector<float> before = Numbers(22).floats(s.kh * s.kw * s.o);
        std::vector<float> gw = before;
        c.d.out = gw.data();
        c.d.accumulate = accumulate;
        kernels.depthwise_weights(c.d);
        std::vector<Sum> expected(gw.size());
        for (std::size_t i = 0; i < gw.size() && accumulate; ++i) expected[i].add(before[i]);
        for_depthwise_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
          expected[at(wi)].add(double{c.x[at(xi)]} * c.gy[at(yi)]);
        });
        for (std::size_t i = 0; i < gw.size(); ++i) {
          ASSERT_TRUE(near(gw[i], expected[i])) << describe(s) << " at " << i;
        }
      }
    }
  });
}

TEST(Depthwise, GivesTheSameBitsHoweverRowsAndChannelsAreSplit) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : shapes()) {
      DepthwiseCase c(s);
      c.d.bias = c.bias.data();
      const auto halves = [&](auto kernel, std::size_t size, std::ptrdiff_t rows) {
        std::vector<float> whole(size), parts(size);
        c.d.first_channel = c.d.first_row = 0;
        c.d.last_channel = s.c, c.d.last_row = rows;
        c.d.out = whole.data();
        kernel(c.d);
        c.d.out = parts.data();
        for (const bool right : {false, true}) {
          for (const bool lower : {false, true}) {
            c.d.first_channel = right ? s.c / 2 : 0, c.d.last_channel = right ? s.c : s.c / 2;
            c.d.first_row = lower ? rows / 2 : 0, c.d.last_row = lower ? rows : rows / 2;
            kernel(c.d);
          }
        }
        ASSERT_EQ(whole, parts) << describe(s);
      };
      halves(kernels.depthwise, c.gy.size(), s.oh);
      halves(kernels.depthwise_input, c.x.size(), s.h);
      halves(kernels.depthwise_weights, c.w.size(), 0);
    }
  });
}

}  // namespace
}  // namespace hone
