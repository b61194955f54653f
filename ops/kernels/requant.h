#pragma once
/// From int32 sums to bytes, a vector of columns at a time: see Requant.

#include "ops/kernels/bytes.h"
#include "ops/kernels/scaling.h"

namespace hone::HONE_ISA {
namespace {

/// A vector of columns, the last one of them perhaps cut.
template <bool Cut>
struct Columns {
  ptrdiff_t rest;  // of a cut one

  HONE_INLINE Ints<lanes> get(const int32_t* p) const {
    return Cut ? load<lanes>(p, part<lanes>(rest)) : load<lanes>(p);
  }
  HONE_INLINE Floats<lanes> get(const float* p) const {
    return Cut ? load<lanes>(p, part<lanes>(rest)) : load<lanes>(p);
  }
  HONE_INLINE Ints<lanes> get(const int8_t* p) const {
    return Cut ? load_bytes(p, SomeBytes{rest}) : load_bytes(p);
  }
  HONE_INLINE void put(int8_t* p, Ints<lanes> v) const {
    if (Cut) {
      store_bytes(p, v, SomeBytes{rest});
    } else {
      store_bytes(p, v);
    }
  }
};

/// What a Requant does to the sums of a vector of columns, loaded once for many rows.
class Requantizer {
 public:
  template <bool Cut>
  HONE_INLINE Requantizer(const Requant& q, ptrdiff_t column, Columns<Cut> columns)
      : bias_(q.bias ? columns.get(q.bias + column) : Ints<lanes>{}),
        zero_point_(splat<lanes>(q.zero_point)),
        lo_(splat<lanes>(q.lo)),
        hi_(splat<lanes>(q.hi)) {}

 protected:
  HONE_INLINE Ints<lanes> biased(Ints<lanes> sum) const { return sum + bias_; }
  HONE_INLINE Ints<lanes> limited(Ints<lanes> y) const {
    y += zero_point_;
    y = y < lo_ ? lo_ : y;
    return y > hi_ ? hi_ : y;
  }

 private:
  Ints<lanes> bias_, zero_point_, lo_, hi_;
};

/// With fixed-point factors.
class FixedRequantizer : Requantizer {
 public:
  template <bool Cut>
  HONE_INLINE FixedRequantizer(const Requant& q, ptrdiff_t column, Columns<Cut> columns)
      : Requantizer(q, column, columns),
        multiplier_(columns.get(q.multipliers + column)),
        left_(columns.get(q.left + column)),
        right_(columns.get(q.right + column)) {}

  HONE_INLINE Ints<lanes> operator()(Ints<lanes> sum) const {
    return limited(scaled(biased(sum), multiplier_, left_, right_));
  }

 private:
  Ints<lanes> multiplier_, left_, right_;
};

/// With fixed-point factors that only shift right: see Requant::only_right.
class RightRequantizer : Requantizer {
 public:
  template <bool Cut>
  HONE_INLINE RightRequantizer(const Requant& q, ptrdiff_t column, Columns<Cut> columns)
      : Requantizer(q, column, columns),
        multiplier_(columns.get(q.multipliers + column)),
        less_one_(columns.get(q.right + column) - 1) {}

  HONE_INLINE Ints<lanes> operator()(Ints<lanes> sum) const {
    return limited(scaled_down(biased(sum), multiplier_, less_one_));
  }

 private:
  Ints<lanes> multiplier_, less_one_;
};

/// With factors in double.
class DoubleRequantizer : Requantizer {
 public:
  template <bool Cut>
  HONE_INLINE DoubleRequantizer(const Requant& q, ptrdiff_t column, Columns<Cut> columns)
      : Requantizer(q, column, columns) {
    memcpy(factors_, q.factors + column,
           static_cast<size_t>(Cut ? columns.rest : lanes) * sizeof(double));
  }

  HONE_INLINE Ints<lanes> operator()(Ints<lanes> sum) const {
    const Ints<lanes> x = biased(sum);
    Ints<lanes / 2> halves[2];
    memcpy(halves, &x, sizeof x);
    halves[0] = product(halves[0], factors_[0]);
    halves[1] = product(halves[1], factors_[1]);
    Ints<lanes> y;
    memcpy(&y, halves, sizeof y);
    return limited(y);
  }

 private:
  typedef double Half __attribute__((vector_size(lanes * 4)));
  typedef int64_t Bits __attribute__((vector_size(lanes * 4)));

  /// Rounded to nearest, halves away from zero.
  static HONE_INLINE Ints<lanes / 2> product(Ints<lanes / 2> x, Half factors) {
    Half t = __builtin_convertvector(x, Half) * factors;
    // beyond any zero point and limit; NaN becomes the lower one
    const Half most = 1e6 - Half{}, least = -1e6 - Half{};
    t = t > least ? t : least;
    t = t < most ? t : most;
    // the largest number below one half: adding a half itself would round its neighbour up
    const Half half = 0.49999999999999994 - Half{};
    const Bits sign = (Bits)t & (Bits)(-0.0 - Half{});
    t += (Half)((Bits)half | sign);
    return __builtin_convertvector(t, Ints<lanes / 2>);
  }

  Half factors_[2] = {};
};

}  // namespace
}  // namespace hone::HONE_ISA
