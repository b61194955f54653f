/// Passes over bytes and the floats that they stand for.

#include "ops/kernels/isa.h"
#include "ops/kernels/noise.h"
#include "ops/kernels/requant.h"

namespace hone::HONE_ISA {
namespace {

template <class T>
HONE_INLINE void widened(const Dequantize& d, const T* __restrict from) {
  float* __restrict to = d.to;
  const float scale = d.scale;
  const int32_t zero = d.zero_point;
  for (ptrdiff_t i = 0; i < d.count; ++i) {
    to[i] = scale * static_cast<float>(static_cast<int32_t>(from[i]) - zero);
  }
}

/// An operand less its zero point.
struct Operand {
  const int8_t* from;
  bool repeats;
  Ints<lanes> value, zero_point;  // value: what is repeated
  Ints<lanes> multiplier, left, right;

  explicit HONE_INLINE Operand(const ByteOperand& o)
      : from(o.from),
        repeats(o.step == 0),
        value(splat<lanes>(repeats ? *o.from - o.zero_point : 0)),
        zero_point(splat<lanes>(o.zero_point)),
        multiplier(splat<lanes>(o.factor.multiplier)),
        left(splat<lanes>(o.factor.left)),
        right(splat<lanes>(o.factor.right)) {}

  template <bool Cut>
  HONE_INLINE Ints<lanes> get(ptrdiff_t i, Columns<Cut> columns) const {
    return repeats ? value : columns.get(from + i) - zero_point;
  }
  HONE_INLINE Ints<lanes> times_factor(Ints<lanes> x) const {
    return scaled(x, multiplier, left, right);
  }
};

/// y = clamp(zero_point + factor(combine(a, b))), vector by vector.
template <class Combine>
HONE_INLINE void pass(const BytePass& p, Combine combine) {
  if (p.count == 0) return;
  // locals: a store of bytes might change p, as far as the compiler knows
  const Operand a(p.a), b(p.b);
  const Ints<lanes> multiplier = splat<lanes>(p.factor.multiplier);
  const Ints<lanes> left = splat<lanes>(p.factor.left), right = splat<lanes>(p.factor.right);
  const Ints<lanes> zero = splat<lanes>(p.zero_point);
  const Ints<lanes> lo = splat<lanes>(p.lo), hi = splat<lanes>(p.hi);
  int8_t* const to = p.y;
  const ptrdiff_t count = p.count;
  const auto at = [&](ptrdiff_t i, auto columns) HONE_INLINE_LAMBDA {
    const Ints<lanes> both = combine(a, a.get(i, columns), b, b.get(i, columns));
    Ints<lanes> y = scaled(both, multiplier, left, right) + zero;
    y = y < lo ? lo : y;
    y = y > hi ? hi : y;
    columns.put(to + i, y);
  };
  ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) at(i, Columns<false>{0});
  if (i < count) at(i, Columns<true>{count - i});
}

}  // namespace

void dequantize(const Dequantize& d) noexcept {
  if (d.is_unsigned) {
    widened(d, static_cast<const uint8_t*>(d.from));
  } else {
    widened(d, static_cast<const int8_t*>(d.from));
  }
}

void quantize(const Quantize& q) noexcept {
  const float* __restrict from = q.from;
  int8_t* __restrict to = q.to;
  const float scale = q.scale;
  const int32_t zero = q.zero_point, lo = q.lo, hi = q.hi;
  const ptrdiff_t count = q.count;  // a store of bytes might change q, as far as the compiler knows
  for (ptrdiff_t i = 0; i < count; ++i) {
    float v = from[i] / scale;
    v = v == v ? v : 0.0f;
    v = v < -1e6f ? -1e6f : v;  // beyond any zero point and limit
    v = v > 1e6f ? 1e6f : v;
    // the largest number below one half: adding a half itself would round its neighbour up
    int32_t y = static_cast<int32_t>(v + __builtin_copysignf(0.49999997f, v)) + zero;
    y = y < lo ? lo : y;
    y = y > hi ? hi : y;
    to[i] = static_cast<int8_t>(y);
  }
}

void round_stochastic(const RoundStochastic& r) noexcept {
  constexpr ptrdiff_t block = 64;
  uint64_t counters[block];
  double bits[block], changes[block];
  int32_t moves[block];
  const double scale = r.scale;
  const int32_t lo = r.lo, hi = r.hi;
  for (ptrdiff_t begin = 0; begin < r.count; begin += block) {
    const ptrdiff_t count = r.count - begin < block ? r.count - begin : block;
    for (ptrdiff_t i = 0; i < count; ++i) {
      counters[i] = noise(r.key, r.first + static_cast<uint64_t>(begin + i));
    }
    for (ptrdiff_t i = 0; i < count; ++i) {
      bits[i] = static_cast<double>(static_cast<int64_t>(counters[i]));
    }
    // moves: the change of each byte, rounded; one simple loop a step, for the vectorizer
    const float* __restrict before = r.before + begin;
    const float* __restrict after = r.after + begin;
    for (ptrdiff_t i = 0; i < count; ++i) {
      double change = (static_cast<double>(after[i]) - static_cast<double>(before[i])) / scale;
      change = change > -1e6 ? change : -1e6;  // farther than any byte moves; NaN moves down
      changes[i] = change < 1e6 ? change : 1e6;
    }
    for (ptrdiff_t i = 0; i < count; ++i) {
      const int32_t towards_zero = static_cast<int32_t>(changes[i]);
      const double whole = static_cast<double>(towards_zero);
      const double floor = whole > changes[i] ? whole - 1 : whole;
      const double up = bits[i] < (changes[i] - floor) * 4294967296.0 ? 1.0 : 0.0;
      moves[i] = static_cast<int32_t>(floor + up);
    }
    int8_t* __restrict q = r.q + begin;
    for (ptrdiff_t i = 0; i < count; ++i) {
      int32_t y = q[i] + moves[i];
      y = y < lo ? lo : y;
      y = y > hi ? hi : y;
      q[i] = static_cast<int8_t>(y);
    }
  }
}

void add_bytes(const BytePass& p) noexcept {
  const int32_t left = p.left;
  const auto scaled_operands = [left](const Operand& a, const Operand& b, Ints<lanes>& u,
                                      Ints<lanes>& v) HONE_INLINE_LAMBDA {
    u = a.times_factor(u << left);
    v = b.times_factor(v << left);
  };
  if (p.subtracts) {
    pass(p, [=](const Operand& a, Ints<lanes> u, const Operand& b, Ints<lanes> v)
                HONE_INLINE_LAMBDA { return scaled_operands(a, b, u, v), u - v; });
  } else {
    pass(p, [=](const Operand& a, Ints<lanes> u, const Operand& b, Ints<lanes> v)
                HONE_INLINE_LAMBDA { return scaled_operands(a, b, u, v), u + v; });
  }
}

void multiply_bytes(const BytePass& p) noexcept {
  pass(p, [](const Operand&, Ints<lanes> u, const Operand&, Ints<lanes> v)
              HONE_INLINE_LAMBDA { return u * v; });
}

}  // namespace hone::HONE_ISA
