/// Passes over bytes and the floats that they stand for.

#include "ops/kernels/isa.h"
#include "ops/kernels/noise.h"
#include "ops/kernels/requant.h"

namespace hone::HONE_ISA {
namespace {

/// Calls loop(scale_at) with the scale of each element: one loop for each kind of scales.
template <class Loop>
HONE_INLINE void with_scales(const ElementScales& scales, Loop loop) {
  const float* values = scales.values;
  if (scales.step == 0) {
    const float scale = values ? *values : 1.0f;
    loop([=](ptrdiff_t) HONE_INLINE_LAMBDA { return scale; });
  } else {
    loop([=](ptrdiff_t i) HONE_INLINE_LAMBDA { return values[i]; });
  }
}

template <class T>
HONE_INLINE void widened(const Dequantize& d, const T* __restrict from) {
  const int32_t zero = d.zero_point;
  with_scales(d.scales, [&](auto scale_at) HONE_INLINE_LAMBDA {
    float* __restrict to = d.to;
    for (ptrdiff_t i = 0; i < d.count; ++i) {
      to[i] = scale_at(i) * static_cast<float>(static_cast<int32_t>(from[i]) - zero);
    }
  });
}

/// The nearest integer, halves away from zero; NaN counts as 0.
HONE_INLINE int32_t nearest(float v) {
  v = v == v ? v : 0.0f;
  v = v < -1e6f ? -1e6f : v;  // beyond any zero point and limit
  v = v > 1e6f ? 1e6f : v;
  // the largest number below one half: adding a half itself would round its neighbour up
  return static_cast<int32_t>(v + __builtin_copysignf(0.49999997f, v));
}

HONE_INLINE Ints<lanes> limited(Ints<lanes> y, Ints<lanes> lo, Ints<lanes> hi) {
  y = y < lo ? lo : y;
  return y > hi ? hi : y;
}

/// Calls at(i, columns) for every vector of [0, count), the last one perhaps cut.
template <class At>
HONE_INLINE void for_vectors(ptrdiff_t count, At at) {
  ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) at(i, Columns<false>{0});
  if (i < count) at(i, Columns<true>{count - i});
}

typedef uint32_t Bits __attribute__((vector_size(lanes * 4)));

/// floor(change + u) for u in [0, 1), the upper 24 bits.
HONE_INLINE Ints<lanes> stochastic(Floats<lanes> change, Bits bits) {
  const Floats<lanes> most = splat<lanes>(1e6f);  // farther than any byte moves
  change = change > -most ? change : -most;       // NaN moves down
  change = change < most ? change : most;
  const Ints<lanes> cut = __builtin_convertvector(change, Ints<lanes>);
  // comparisons give -1
  const Ints<lanes> floor = cut + (__builtin_convertvector(cut, Floats<lanes>) > change);
  const Floats<lanes> part = change - __builtin_convertvector(floor, Floats<lanes>);
  const Floats<lanes> u = __builtin_convertvector((Ints<lanes>)(bits >> 8), Floats<lanes>);
  return floor - (u * splat<lanes>(0x1p-24f) < part);
}

/// A factor of every lane.
struct Factor {
  Ints<lanes> multiplier, left, right;
  bool only_right, half;

  explicit HONE_INLINE Factor(const FixedFactor& f)
      : multiplier(splat<lanes>(f.multiplier)),
        left(splat<lanes>(f.left)),
        right(splat<lanes>(f.right)),
        only_right(f.left == 0 && f.right > 0),
        half(f.multiplier == 1 << 30 && f.left == 0 && f.right == 0) {}

  HONE_INLINE Ints<lanes> operator()(Ints<lanes> x) const {
    return only_right ? scaled_down(x, multiplier, right - 1) : scaled(x, multiplier, left, right);
  }
  /// Of x with `more` bits, 1 or more, which none of x outgrows.
  HONE_INLINE Ints<lanes> of_shifted(Ints<lanes> x, int32_t more) const {
    // one operand of a sum has no other factor
    return half ? x << (more - 1) : (*this)(x << more);
  }
};

/// An operand less its zero point.
struct Operand {
  const int8_t* from;
  bool repeats;
  Ints<lanes> value, zero_point;  // value: what is repeated
  Factor factor;

  explicit HONE_INLINE Operand(const ByteOperand& o)
      : from(o.from),
        repeats(o.step == 0),
        value(splat<lanes>(repeats ? *o.from - o.zero_point : 0)),
        zero_point(splat<lanes>(o.zero_point)),
        factor(o.factor) {}

  template <bool Cut>
  HONE_INLINE Ints<lanes> get(ptrdiff_t i, Columns<Cut> columns) const {
    return repeats ? value : columns.get(from + i) - zero_point;
  }
};

/// y = clamp(zero_point + factor(combine(a, b))), vector by vector.
template <class Combine>
HONE_INLINE void pass(const BytePass& p, Combine combine) {
  if (p.count == 0) return;
  // locals: a store of bytes might change p, as far as the compiler knows
  const Operand a(p.a), b(p.b);
  const Factor factor(p.factor);
  const Ints<lanes> zero = splat<lanes>(p.zero_point);
  const Ints<lanes> lo = splat<lanes>(p.lo), hi = splat<lanes>(p.hi);
  int8_t* const to = p.y;
  const ptrdiff_t count = p.count;
  const auto at = [&](ptrdiff_t i, auto columns) HONE_INLINE_LAMBDA {
    const Ints<lanes> both = combine(a, a.get(i, columns), b, b.get(i, columns));
    columns.put(to + i, limited(factor(both) + zero, lo, hi));
  };
  for_vectors(count, at);
}

}  // namespace

void dequantize(const Dequantize& d) noexcept {
  if (d.is_unsigned) {
    widened(d, static_cast<const uint8_t*>(d.from));
  } else {
    widened(d, static_cast<const int8_t*>(d.from));
  }
}

// Locals throughout: a store of bytes might change the arguments, as far as the compiler knows.
void quantize(const Quantize& q) noexcept {
  const int32_t zero = q.zero_point, lo = q.lo, hi = q.hi;
  const ptrdiff_t count = q.count;
  with_scales(q.scales, [&](auto scale_at) HONE_INLINE_LAMBDA {
    const float* __restrict from = q.from;
    int8_t* __restrict to = q.to;
    for (ptrdiff_t i = 0; i < count; ++i) {
      int32_t y = nearest(from[i] / scale_at(i)) + zero;
      y = y < lo ? lo : y;
      y = y > hi ? hi : y;
      to[i] = static_cast<int8_t>(y);
    }
  });
}

void round_stochastic(const RoundStochastic& given) noexcept {
  const RoundStochastic r = given;
  const Ints<lanes> lo = splat<lanes>(r.lo), hi = splat<lanes>(r.hi);
  Bits places;
  for (int l = 0; l < lanes; ++l)
    places[l] = static_cast<uint32_t>(r.first) + static_cast<uint32_t>(l);
  const bool each = r.scales.step != 0;
  const Floats<lanes> scale = splat<lanes>(each ? 1.0f : *r.scales.values);
  for_vectors(r.count, [=](ptrdiff_t i, auto columns) HONE_INLINE_LAMBDA {
    const Floats<lanes> steps = each ? columns.get(r.scales.values + i) : scale;
    const Floats<lanes> change = (columns.get(r.after + i) - columns.get(r.before + i)) / steps;
    const Ints<lanes> move = stochastic(change, noise(r.key, places + static_cast<uint32_t>(i)));
    columns.put(r.q + i, limited(columns.get(r.q + i) + move, lo, hi));
  });
}

void add_bytes(const BytePass& p) noexcept {
  const int32_t left = p.left;
  const auto scaled_operands = [left](const Operand& a, const Operand& b, Ints<lanes>& u,
                                      Ints<lanes>& v) HONE_INLINE_LAMBDA {
    u = a.factor.of_shifted(u, left);
    v = b.factor.of_shifted(v, left);
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
