#include <cmath>
#include <cstdint>
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
using testing::Numbers;

/// The double-rounding rule, from its closed form: (x 2^left q + 2^30) >> 31, then to the nearest
/// multiple of 2^right, halves away from zero.
std::int64_t twice_rounded(std::int32_t x, std::int32_t q, int left, int right) {
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(x) << left);
  const std::int64_t high = (std::int64_t{shifted} * q + (std::int64_t{1} << 30)) >> 31;
  const double exact = std::ldexp(static_cast<double>(high), -right);
  return static_cast<std::int64_t>(std::round(exact));
}

std::int8_t clamped(std::int64_t v, const Requant& q) {
  return static_cast<std::int8_t>(std::min<std::int64_t>(std::max<std::int64_t>(v, q.lo), q.hi));
}

enum class Kind { fixed, only_right, doubles };
constexpr Kind kinds[] = {Kind::fixed, Kind::only_right, Kind::doubles};

struct Factors {
  std::vector<std::int32_t> bias, multipliers, left, right, none, some;  // some: 1 or more
  std::vector<double> doubles;

  Factors(std::ptrdiff_t n, int least_right) {
    Numbers numbers(31);
    bias = numbers.integers<std::int32_t>(n, -3000, 3000);
    multipliers = numbers.integers<std::int32_t>(n, 1 << 30, 0x7fffffff);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const int shift = static_cast<int>(i % 9) - 1;  // every ninth shifts left
      left.push_back(shift < 0 ? 1 : 0);
      right.push_back(shift < 0 ? 0 : least_right + shift);
      none.push_back(0);
      some.push_back(std::max(right.back(), 1));
      doubles.push_back(0.37 / static_cast<double>(1 + i % 50 * 40));
    }
  }
  Requant requant(Kind kind) const {
    Requant q;
    q.bias = bias.data();
    q.only_right = kind == Kind::only_right;
    if (kind == Kind::doubles) {
      q.factors = doubles.data();
    } else {
      q.multipliers = multipliers.data();
      q.left = q.only_right ? none.data() : left.data();
      q.right = q.only_right ? some.data() : right.data();
    }
    q.zero_point = -3, q.lo = -120, q.hi = 125;
    return q;
  }
  std::int8_t expected(Kind kind, std::ptrdiff_t o, std::uint32_t sum) const {
    const auto total = static_cast<std::int32_t>(sum + static_cast<std::uint32_t>(bias[at(o)]));
    const Requant q = requant(kind);
    const std::int64_t v = q.factors
                               ? static_cast<std::int64_t>(std::round(total * doubles[at(o)]))
                               : twice_rounded(total, q.multipliers[o], q.left[o], q.right[o]);
    return clamped(v - 3, q);
  }
};

/// Weights (outputs, taps, channels) as (taps, lanes, outputs, channels of a lane).
template <class To>
std::vector<To> in_lanes(const Conv& s, const std::vector<std::int8_t>& w, std::ptrdiff_t in_lane) {
  const std::ptrdiff_t taps = s.kh * s.kw, lanes = (s.c + in_lane - 1) / in_lane;
  std::vector<To> packed(at(taps * lanes * s.o * in_lane));
  for (std::ptrdiff_t o = 0; o < s.o; ++o) {
    for (std::ptrdiff_t i = 0; i < taps * s.c; ++i) {
      const std::ptrdiff_t c = i % s.c, row = i / s.c * lanes + c / in_lane;
      packed[at((row * s.o + o) * in_lane + c % in_lane)] = w[at(o * taps * s.c + i)];
    }
  }
  return packed;
}

TEST(GatherPairs, IsTheIntegerConvolutionToTheBit) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : conv_cases()) {
      for (const Kind kind : kinds) {
        Numbers numbers(32);
        const std::ptrdiff_t pairs = (s.c + 1) / 2, taps = s.kh * s.kw;
        const std::ptrdiff_t groups = s.x_pixel / s.c, pixels = s.h * s.w;
        const int zero = -7;
        const auto x = numbers.integers<std::int8_t>(pixels * s.x_pixel, -128, 127);
        const auto w = numbers.integers<std::int8_t>(s.o * taps * s.c, -128, 127);
        const Factors factors(s.o, 8);
        const auto packed = in_lanes<std::int16_t>(s, w, 2);
        std::vector<std::int16_t> wide(at(pixels * groups * pairs * 2));
        kernels.widen({.rows = pixels * groups,
                       .columns = s.c,
                       .from = x.data(),
                       .zero_point = zero,
                       .to = wide.data(),
                       .to_row = pairs * 2});
        Conv in_pairs = s;
        in_pairs.c = pairs, in_pairs.x_pixel = pairs * 2 * groups;
        std::vector<std::int32_t> table(forward_table_size(in_pairs, kernels.row_block));
        build_forward_table(in_pairs, kernels.row_block, table.data());
        std::vector<std::int8_t> y(at(s.oh * s.ow * s.y_pixel), 99);
        const std::vector<std::int32_t> outside(at(pairs));
        kernels.gather_pairs({.table = table.data(),
                              .last_tile = forward_tiles(in_pairs, kernels.row_block),
                              .a = wide.data(),
                              .outside = outside.data(),
                              .k = pairs,
                              .b = reinterpret_cast<const std::int32_t*>(packed.data()),
                              .n = s.o,
                              .requant = factors.requant(kind),
                              .c = y.data()});
        std::vector<std::uint32_t> sums(y.size());
        for_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
          sums[at(yi)] += static_cast<std::uint32_t>((x[at(xi)] - zero) * w[at(wi)]);
        });
        for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(y.size()); ++i) {
          const std::ptrdiff_t o = i % s.y_pixel;
          const int want = o < s.o ? factors.expected(kind, o, sums[at(i)]) : 99;
          ASSERT_EQ(y[at(i)], want) << describe(s) << " at " << i;
        }
      }
    }
  });
}

TEST(GatherBytes, IsTheIntegerConvolutionToTheBit) {
  at_every_level([](const Kernels& kernels) {
    if (kernels.gather_bytes == nullptr) return;
    for (const Conv& s : conv_cases()) {
      Numbers numbers(33);
      const std::ptrdiff_t fours = (s.c + 3) / 4, taps = s.kh * s.kw;
      const std::ptrdiff_t groups = s.x_pixel / s.c, pixels = s.h * s.w;
      const int zero = -7;  // outside of the image
      const auto x = numbers.integers<std::int8_t>(pixels * s.x_pixel, -128, 127);
      const auto w = numbers.integers<std::int8_t>(s.o * taps * s.c, -128, 127);
      const auto packed = in_lanes<std::int8_t>(s, w, 4);
      std::vector<std::uint8_t> flipped(at(pixels * groups * fours * 4));
      const auto fill =
          static_cast<std::uint8_t>(static_cast<std::uint8_t>(zero) ^ kernels.byte_flip);
      kernels.flip_bytes({.rows = pixels * groups,
                          .columns = s.c,
                          .from = x.data(),
                          .flip = kernels.byte_flip,
                          .fill = fill,
                          .to = flipped.data(),
                          .to_row = fours * 4});
      Conv in_fours = s;
      in_fours.c = fours, in_fours.x_pixel = fours * 4 * groups;
      std::vector<std::int32_t> table(forward_table_size(in_fours, kernels.row_block));
      build_forward_table(in_fours, kernels.row_block, table.data());
      const std::vector<std::uint8_t> outside(at(fours) * 4, fill);
      const Factors factors(s.o, 8);
      std::vector<std::int8_t> y(at(s.oh * s.ow * s.y_pixel), 99);
      kernels.gather_bytes({.table = table.data(),
                            .last_tile = forward_tiles(in_fours, kernels.row_block),
                            .a = flipped.data(),
                            .outside = outside.data(),
                            .k = fours,
                            .b = reinterpret_cast<const std::int32_t*>(packed.data()),
                            .n = s.o,
                            .requant = factors.requant(Kind::only_right),
                            .c = y.data()});
      // what is multiplied: x + 128 where the highest bit is flipped; the zero point outside
      const int offset = kernels.byte_flip != 0 ? 128 : 0;
      std::vector<std::uint32_t> sums(y.size());
      for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(y.size()); ++i) {
        for (std::ptrdiff_t k = 0; k < taps * s.c && i % s.y_pixel < s.o; ++k) {
          sums[at(i)] +=
              static_cast<std::uint32_t>((zero + offset) * w[at(i % s.y_pixel * taps * s.c + k)]);
        }
      }
      for_products(s, [&](std::ptrdiff_t xi, std::ptrdiff_t wi, std::ptrdiff_t yi) {
        sums[at(yi)] += static_cast<std::uint32_t>((x[at(xi)] - zero) * w[at(wi)]);
      });
      for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(y.size()); ++i) {
        const std::ptrdiff_t o = i % s.y_pixel;
        const int want = o < s.o ? factors.expected(Kind::only_right, o, sums[at(i)]) : 99;
        ASSERT_EQ(y[at(i)], want) << describe(s) << " at " << i;
      }
    }
  });
}

TEST(RowSums, AddSignedBytes) {
  at_every_level([](const Kernels& kernels) {
    if (kernels.row_sums == nullptr) return;
    for (const std::ptrdiff_t columns : {1, 15, 16, 64, 200}) {
      const auto w = Numbers(5).integers<std::int8_t>(3 * columns, -128, 127);
      std::vector<std::int32_t> sums(3);
      kernels.row_sums({.rows = 3, .columns = columns, .from = w.data(), .to = sums.data()});
      for (std::ptrdiff_t i = 0; i < 3; ++i) {
        std::int32_t want = 0;
        for (std::ptrdiff_t j = 0; j < columns; ++j) want += w[at(i * columns + j)];
        EXPECT_EQ(sums[at(i)], want) << columns;
      }
    }
  });
}

std::vector<Conv> depthwise_cases() {
  std::vector<Conv> cases;
  for (const int c : {1, 3, 8, 16, 21, 40}) {
    for (const int stride : {1, 2, 3}) {
      cases.push_back(testing::conv(9, 8, c, c, 3, 3, stride));
      cases.push_back(testing::conv(8, 9, c, c, 3, 3, stride, 1, false));
      cases.push_back(testing::conv(7, 10, c, c, 5, 5, stride));
      cases.push_back(testing::conv(2, 1, c, c, 3, 3, stride));
      cases.push_back(testing::conv(6, 11, c, c, 2, 4, stride));
    }
    cases.push_back(testing::conv(11, 9, c, c, 3, 3, 2, 2));
    cases.push_back(testing::conv(1, 12, c, c, 1, 3));
  }
  return cases;
}

/// Sums of a depthwise convolution of bytes less their zero points.
std::vector<std::uint32_t> depthwise_sums(const DepthwiseBytes& d) {
  const Conv& s = d.shape;
  std::vector<std::uint32_t> sums(at(s.oh * s.ow * s.c));
  for (std::ptrdiff_t p = 0; p < s.oh * s.ow; ++p) {
    for (std::ptrdiff_t t = 0; t < s.kh * s.kw; ++t) {
      const std::ptrdiff_t y = p / s.ow * s.stride_h - s.pad_top + t / s.kw * s.dilation_h;
      const std::ptrdiff_t x = p % s.ow * s.stride_w - s.pad_left + t % s.kw * s.dilation_w;
      if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
      for (std::ptrdiff_t c = 0; c < s.c; ++c) {
        const int product =
            (d.x[(y * s.w + x) * s.c + c] - d.x_zero_point) * (d.w[t * s.c + c] - d.w_zero_point);
        sums[at(p * s.c + c)] += static_cast<std::uint32_t>(product);
      }
    }
  }
  return sums;
}

TEST(DepthwiseBytes, IsTheIntegerConvolutionToTheBitHoweverItIsSplit) {
  at_every_level([](const Kernels& kernels) {
    for (const Conv& s : depthwise_cases()) {
      for (const int zero : {-128, 0, 1, 127}) {
        const Kind kind = zero == 127 ? Kind::fixed : Kind::only_right;
        Numbers numbers(33);
        const auto x = numbers.integers<std::int8_t>(s.h * s.w * s.c, -128, 127);
        const auto w = numbers.integers<std::int8_t>(s.kh * s.kw * s.c, -128, 127);
        const Factors factors(s.c, 4);
        std::vector<std::int8_t> y(at(s.oh * s.ow * s.c), 99);
        DepthwiseBytes d;
        d.shape = s;
        d.x = x.data(), d.x_zero_point = zero;
        d.w = w.data(), d.w_zero_point = zero / 2;
        d.requant = factors.requant(kind);
        d.y = y.data();
        for (const bool right : {false, true}) {
          for (const bool lower : {false, true}) {
            d.first_channel = right ? s.c / 2 : 0, d.last_channel = right ? s.c : s.c / 2;
            d.first_row = lower ? s.oh / 2 : 0, d.last_row = lower ? s.oh : s.oh / 2;
            kernels.depthwise_bytes(d);
          }
        }
        const std::vector<std::uint32_t> sums = depthwise_sums(d);
        for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(y.size()); ++i) {
          ASSERT_EQ(y[at(i)], factors.expected(kind, i % s.c, sums[at(i)])) << describe(s) << i;
        }
      }
    }
  });
}

TEST(Requantize, RoundsTwiceAsTheReferenceDoes) {
  at_every_level([](const Kernels& kernels) {
    const std::ptrdiff_t n = 70;
    for (const int least : {0, 1, 5, 23, -1, -5, -23}) {
      const Kind kind = least < 0 ? Kind::only_right : Kind::fixed;
      const Factors factors(n, std::abs(least));
      std::vector<float> sums;
      for (int i = 0; i < 40 * n; ++i) {
        const int spread = 1 << (i % 24);
        sums.push_back(static_cast<float>((i * 7919) % (2 * spread + 1) - spread));
      }
      std::vector<std::int8_t> bytes(sums.size());
      kernels.requantize({.rows = 40,
                          .columns = n,
                          .sums = sums.data(),
                          .sums_row = n,
                          .requant = factors.requant(kind),
                          .to = bytes.data(),
                          .to_row = n});
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const auto sum = static_cast<std::uint32_t>(static_cast<std::int32_t>(sums[i]));
        ASSERT_EQ(bytes[i], factors.expected(kind, static_cast<std::ptrdiff_t>(i) % n, sum)) << i;
      }
    }
  });
}

TEST(Requantize, RoundsHalvesAwayFromZeroWithDoubleFactors) {
  at_every_level([](const Kernels& kernels) {
    std::vector<float> sums;
    for (int i = -300; i <= 300; ++i) sums.push_back(static_cast<float>(i));
    const std::vector<double> factors(sums.size(), 0.5);
    std::vector<std::int8_t> bytes(sums.size());
    Requant q;
    q.factors = factors.data();
    const auto n = static_cast<std::ptrdiff_t>(sums.size());
    kernels.requantize({.rows = 1,
                        .columns = n,
                        .sums = sums.data(),
                        .sums_row = n,
                        .requant = q,
                        .to = bytes.data(),
                        .to_row = n});
    for (std::size_t i = 0; i < sums.size(); ++i) {
      ASSERT_EQ(bytes[i], clamped(std::lround(sums[i] * 0.5), q)) << sums[i];
    }
  });
}

TEST(Widen, TakesTheZeroPointAwayAndPadsOddRows) {
  at_every_level([](const Kernels& kernels) {
    const std::vector<std::uint8_t> x = {0, 1, 255, 7, 8, 9};
    std::vector<std::int16_t> wide(8, 5);
    kernels.widen({.rows = 2,
                   .columns = 3,
                   .from = x.data(),
                   .is_unsigned = true,
                   .zero_point = 10,
                   .to = wide.data(),
                   .to_row = 4});
    EXPECT_EQ(wide, (std::vector<std::int16_t>{-10, -9, 245, 0, -3, -2, -1, 0}));
    std::vector<float> floats(6);
    kernels.dequantize(
        {.count = 6, .from = x.data(), .is_unsigned = true, .zero_point = 10, .to = floats.data()});
    EXPECT_EQ(floats, (std::vector<float>{-10, -9, 245, -3, -2, -1}));
  });
}

}  // namespace
}  // namespace hone
