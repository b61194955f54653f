#include <algorithm>
#include <vector>

#include "ops/kernels/fixed_point.h"
#include "ops/kernels/noise.h"
#include "tests/kernels/levels.h"

namespace hone {
namespace {

using testing::at_every_level;
using testing::Numbers;

FixedFactor factor(const Rescale& r) {
  return {r.multiplier, std::max(r.shift, 0), std::max(-r.shift, 0)};
}

TEST(Quantize, RoundsHalvesAwayFromZeroAndClamps) {
  at_every_level([](const Kernels& kernels) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> x = {
        0,   0.5f,  -0.5f,  0.25f, 0.2499999f, -0.75f,      1e30f, -1e30f, INFINITY, -INFINITY,
        nan, 63.0f, -64.0f, 1.25f, 1.7500001f, -1.2499999f, 3,     4,      5};
    std::vector<std::int8_t> q(x.size());
    const float scale = 0.5f;
    kernels.quantize({.count = static_cast<std::ptrdiff_t>(x.size()),
                      .from = x.data(),
                      .scales = {&scale},
                      .zero_point = -3,
                      .lo = -127,
                      .hi = 120,
                      .to = q.data()});
    const std::vector<std::int8_t> expected = {-3, -2,  -4,   -2, -3, -5, 120, -127, 120, -127,
                                               -3, 120, -127, 0,  1,  -5, 3,   5,    7};
    EXPECT_EQ(q, expected);
  });
}

TEST(Dequantize, MultipliesByTheScale) {
  at_every_level([](const Kernels& kernels) {
    const auto q = Numbers(1).integers<std::int8_t>(100, -128, 127);
    std::vector<float> x(q.size());
    const float scale = 0.3f;
    kernels.dequantize(
        {.count = 100, .from = q.data(), .zero_point = -7, .scales = {&scale}, .to = x.data()});
    for (std::size_t i = 0; i < q.size(); ++i) {
      ASSERT_EQ(x[i], static_cast<float>(double{0.3f} * (q[i] + 7)));  // one rounding
    }
  });
}

TEST(RoundStochastic, AddsTheFloorOfTheChangeAndItsNoise) {
  at_every_level([](const Kernels& kernels) {
    constexpr std::size_t n = 333;
    const std::vector<float> before = Numbers(1).floats(n);
    std::vector<float> after = Numbers(2).floats(n);
    after[7] = before[7];
    after[8] = 1e20f;
    after[9] = -1e20f;
    const auto old = Numbers(3).integers<std::int8_t>(n, -127, 127);
    auto q = old;
    const float scale = 0.05f;
    kernels.round_stochastic({.count = n,
                              .before = before.data(),
                              .after = after.data(),
                              .scales = {&scale},
                              .key = 99,
                              .first = 1000,
                              .q = q.data()});
    for (std::size_t i = 0; i < n; ++i) {
      const float change = (after[i] - before[i]) / scale;
      const float u =
          static_cast<float>(noise(99, 1000 + static_cast<std::uint32_t>(i)) >> 8) / 16777216.0f;
      const float whole = std::floor(change);
      const float expected = static_cast<float>(old[i]) + (u < change - whole ? whole + 1 : whole);
      ASSERT_EQ(q[i], std::fmin(std::fmax(expected, -127), 127)) << i;
    }
  });
}

TEST(ScaledBytes, TakeOneScaleForAllOrOneForEach) {
  at_every_level([](const Kernels& kernels) {
    constexpr std::size_t n = 77;
    std::vector<float> scales = Numbers(1).floats(n);
    for (float& s : scales) s = std::fabs(s) + 0.01f;
    const auto x = Numbers(2).floats(n), after = Numbers(3).floats(n);
    const auto old = Numbers(4).integers<std::int8_t>(n, -127, 127);
    // every element with a call of its own, and all with one
    std::vector<std::int8_t> q(n), one_q(n), moved = old, one_moved = old;
    std::vector<float> real(n), one_real(n);
    const auto run = [&](std::size_t i, std::ptrdiff_t count, std::ptrdiff_t step, auto& to_q,
                         auto& to_moved, auto& to_real) {
      const ElementScales s{scales.data() + i, step};
      kernels.quantize({.count = count, .from = x.data() + i, .scales = s, .to = &to_q[i]});
      kernels.dequantize({.count = count, .from = &old[i], .scales = s, .to = &to_real[i]});
      kernels.round_stochastic({.count = count,
                                .before = x.data() + i,
                                .after = after.data() + i,
                                .scales = s,
                                .key = 5,
                                .first = i,
                                .q = &to_moved[i]});
    };
    run(0, n, 1, q, moved, real);
    for (std::size_t i = 0; i < n; ++i) run(i, 1, 0, one_q, one_moved, one_real);
    EXPECT_EQ(q, one_q);
    EXPECT_EQ(moved, one_moved);
    EXPECT_EQ(real, one_real);
  });
}

TEST(AddBytes, RescalesEachOperandAndTheSum) {
  at_every_level([](const Kernels& kernels) {
    const Rescale a = rescale(0.5), b = rescale(0.313), y = rescale(3.7e-6);
    const auto qa = Numbers(1).integers<std::int8_t>(300, -128, 127);
    const auto qb = Numbers(2).integers<std::int8_t>(300, -128, 127);
    for (const bool subtracts : {false, true}) {
      for (const std::ptrdiff_t step_a : {0, 1}) {
        std::vector<std::int8_t> q(300);
        kernels.add_bytes({.count = 300,
                           .a = {qa.data(), step_a, -5, factor(a)},
                           .b = {qb.data(), 1, 17, factor(b)},
                           .left = 20,
                           .subtracts = subtracts,
                           .factor = factor(y),
                           .zero_point = 3,
                           .lo = -100,
                           .hi = 90,
                           .y = q.data()});
        for (std::size_t i = 0; i < q.size(); ++i) {
          const std::int32_t u = a((qa[step_a ? i : 0] + 5) * (1 << 20));
          const std::int32_t v = b((qb[i] - 17) * (1 << 20));
          const std::int32_t sum = y(subtracts ? u - v : u + v) + 3;
          ASSERT_EQ(q[i], std::clamp(sum, -100, 90)) << i;
        }
      }
    }
  });
}

TEST(Rescale, WrapsForSumsThatOnlyForgedFilesReach) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();
  // no undefined behaviour: a sanitizer would stop here
  EXPECT_EQ((Rescale{highest, 15}.wide(1)), 0x7FFF);
  EXPECT_EQ((Rescale{highest, 30}.wide(1)), 0x7FFF << 15);
  // most * 0x7FFF is 0x7FFF...F8001 modulo 2^64; plus 2^14, shifted down by 15
  EXPECT_EQ((Rescale{highest, 0}.wide(most)), -1);
}

TEST(MultiplyBytes, RescalesTheProduct) {
  at_every_level([](const Kernels& kernels) {
    for (const double real : {0.0043, 1.7}) {
      const Rescale y = rescale(real);
      const auto qa = Numbers(1).integers<std::int8_t>(61, -128, 127);
      const auto qb = Numbers(2).integers<std::int8_t>(61, -128, 127);
      std::vector<std::int8_t> q(61);
      kernels.multiply_bytes({.count = 61,
                              .a = {qa.data(), 1, 4, {}},
                              .b = {qb.data(), 0, -9, {}},
                              .factor = factor(y),
                              .zero_point = -1,
                              .y = q.data()});
      for (std::size_t i = 0; i < q.size(); ++i) {
        ASSERT_EQ(q[i], std::clamp(y((qa[i] - 4) * (qb[0] + 9)) - 1, -128, 127)) << i;
      }
    }
  });
}

}  // namespace
}  // namespace hone
