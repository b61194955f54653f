/// Passes over bytes and the floats that they stand for.

#include "ops/kernels/isa.h"
#include "ops/kernels/noise.h"
#include "ops/kernels/scaling.h"

namespace hone::HONE_ISA {
namespace {

typedef int8_t Bytes __attribute__((vector_size(lanes)));

template <class T>
HONE_INLINE void widened(const Dequantize& d, const T* __restrict from) {
  float* __restrict to = d.to;
  const float scale = d.scale;
  const int32_t zero = d.zero_point;
  for (ptrdiff_t i = 0; i < d.count; ++i) {
    to[i] = scale * static_cast<float>(static_cast<int32_t>(from[i]) - zero);
  }
}

/// The elements i ... of an operand, less its zero point; bytes beyond `count` are 0.
HONE_INLINE Ints<lanes> operand(const ByteOperand& o, ptrdiff_t i, ptrdiff_t count) {
  Bytes bytes{};
  if (o.step == 0) {
    bytes = *o.from - Bytes{};
  } else if (count >= lanes) {
    memcpy(&bytes, o.from + i, sizeof bytes);
  } else {
    memcpy(&bytes, o.from + i, static_cast<size_t>(count));
  }
  return __builtin_convertvector(bytes, Ints<lanes>) - o.zero_point;
}

HONE_INLINE Ints<lanes> times(Ints<lanes> x, const FixedFactor& f) {
  return scaled(x, splat<lanes>(f.multiplier), splat<lanes>(f.left), splat<lanes>(f.right));
}

/// y = clamp(zero_point + combine(a, b)), vector by vector.
template <class Combine>
HONE_INLINE void pass(const BytePass& p, Combine combine) {
  const Ints<lanes> lo = splat<lanes>(p.lo), hi = splat<lanes>(p.hi);
  for (ptrdiff_t i = 0; i < p.count; i += lanes) {
    const ptrdiff_t count = p.count - i;
    Ints<lanes> y = combine(operand(p.a, i, count), operand(p.b, i, count)) + p.zero_point;
    y = y < lo ? lo : y;
    y = y > hi ? hi : y;
    const Bytes bytes = __builtin_convertvector(y, Bytes);
    memcpy(p.y + i, &bytes, count >= lanes ? sizeof bytes : static_cast<size_t>(count));
  }
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
  const FixedFactor a = p.a.factor, b = p.b.factor, y = p.factor;
  if (p.subtracts) {
    pass(p, [=](Ints<lanes> u, Ints<lanes> v)
                HONE_INLINE_LAMBDA { return times(times(u << left, a) - times(v << left, b), y); });
  } else {
    pass(p, [=](Ints<lanes> u, Ints<lanes> v)
                HONE_INLINE_LAMBDA { return times(times(u << left, a) + times(v << left, b), y); });
  }
}

void multiply_bytes(const BytePass& p) noexcept {
  const FixedFactor y = p.factor;
  pass(p, [=](Ints<lanes> u, Ints<lanes> v) HONE_INLINE_LAMBDA { return times(u * v, y); });
}

}  // namespace hone::HONE_ISA
