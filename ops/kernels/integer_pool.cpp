/// Maximum pooling of integers.  A vector holds more of them than many an image has channels, so
/// vectors run along the rows of the image where channels are few.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"
#include "ops/kernels/taps.h"

namespace hone::HONE_ISA {
namespace {

template <class T, int Bytes>
struct IntegersOf {
  typedef T Vector __attribute__((vector_size(Bytes)));
};
/// As many integers as a register holds, and 16 bytes of them.
template <class T>
using Wide = typename IntegersOf<T, lanes * 4>::Vector;
template <class T>
using Narrow = typename IntegersOf<T, 16>::Vector;

template <class V>
HONE_INLINE V larger(V a, V b) {
  return a > b ? a : b;
}
template <class V>
HONE_INLINE V smaller(V a, V b) {
  return a < b ? a : b;
}

/// `bytes` of a vector in memory, at most all; a call, but for a whole vector.
template <class V>
HONE_INLINE V get(const void* p, size_t bytes) {
  V v{};
  memcpy(&v, p, bytes < sizeof v ? bytes : sizeof v);
  return v;
}
template <class V>
HONE_INLINE V get(const void* p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}

/// Rows and columns of numbers, and the steps from one to the next.
struct Window {
  ptrdiff_t rows, row, columns, column;
};

/// The largest of the vectors in a window.
template <class V, class T, class Get>
HONE_INLINE V largest(const T* x, const Window& w, Get get_at) {
  V best = get_at(x);
  for (ptrdiff_t i = 0; i < w.rows; ++i, x += w.row) {
    for (ptrdiff_t j = 0; j < w.columns; ++j) best = larger(best, get_at(x + j * w.column));
  }
  return best;
}

/// to[i] = clamp(the largest of x[i] in the window), i < count.
template <class T>
HONE_NOINLINE void pool_numbers(const T* x, Window w, T lo, T hi, ptrdiff_t count, T* to) {
  using V = Wide<T>;
  constexpr ptrdiff_t numbers = sizeof(V) / sizeof(T);
  const V low = V{} + lo, high = V{} + hi;
  if (count < numbers) {
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    const V best = largest<V>(x, w, [=](const T* p) { return get<V>(p, bytes); });
    const V y = smaller(larger(best, low), high);
    memcpy(to, &y, bytes);
    return;
  }
  for (ptrdiff_t i = 0; i < count; i += numbers) {
    // the last vector may begin within the one before
    const ptrdiff_t at = i + numbers < count ? i : count - numbers;
    const V best = largest<V>(x + at, w, [](const T* p) HONE_INLINE_LAMBDA { return get<V>(p); });
    const V y = smaller(larger(best, low), high);
    memcpy(to + at, &y, sizeof y);
  }
}

// Numbers of a row of an image that are compared side by side, and room for a vector beyond.
constexpr ptrdiff_t row_numbers = 4096, room = 64;

/// What lies under the windows of some columns of one output row.
template <class T>
struct Strip {
  T best[row_numbers + room];  // the largest of the rows, clamped
  T y[row_numbers + room];
};

/// `count` outputs y, the largest of `columns` pixels from each `step` numbers of x on.  What is
/// stored beyond the channels of one, the next one overwrites.
template <class V, class T>
HONE_NOINLINE void pool_columns(const T* x, ptrdiff_t count, ptrdiff_t step, ptrdiff_t columns,
                                ptrdiff_t channels, T* y) {
  constexpr ptrdiff_t numbers = sizeof(V) / sizeof(T);
  for (ptrdiff_t j = 0; j < count; ++j, x += step, y += channels) {
    for (ptrdiff_t c = 0; c < channels; c += numbers) {
      V best = get<V>(x + c);
      for (ptrdiff_t t = 1; t < columns; ++t) best = larger(best, get<V>(x + t * channels + c));
      memcpy(y + c, &best, sizeof best);
    }
  }
}

/// Outputs [first, last) of one row, whose windows fit a strip.  x: the first row under them.
template <class T>
HONE_INLINE void pool_strip(const MaxPoolIntegers<T>& p, const T* x, ptrdiff_t rows,
                            TapRange outputs, Strip<T>& strip, T* out) {
  constexpr T lowest = T(-1) < T(0) ? T(T(1) << (8 * sizeof(T) - 1)) : T(0);
  const Conv& s = p.shape;
  const ptrdiff_t count = outputs.last - outputs.first;
  const ptrdiff_t begin = outputs.first * s.stride_w - s.pad_left;
  const ptrdiff_t end = begin + (count - 1) * s.stride_w + s.kw;
  const ptrdiff_t from = begin < 0 ? 0 : begin, to = end < s.w ? end : s.w;  // in the image
  for (ptrdiff_t i = 0; i < (from - begin) * s.c; ++i) strip.best[i] = lowest;
  for (ptrdiff_t i = (to - begin) * s.c; i < (end - begin) * s.c; ++i) strip.best[i] = lowest;
  pool_numbers(x + from * s.c, {rows, s.w * s.c, 1, 0}, p.lo, p.hi, (to - from) * s.c,
               strip.best + (from - begin) * s.c);
  const auto pool = s.c * static_cast<ptrdiff_t>(sizeof(T)) <= 16 ? pool_columns<Narrow<T>, T>
                                                                  : pool_columns<Wide<T>, T>;
  pool(strip.best, count, s.stride_w * s.c, s.kw, s.c, strip.y);
  memcpy(out + outputs.first * s.c, strip.y, static_cast<size_t>(count * s.c) * sizeof(T));
}

template <class T>
HONE_INLINE void pool(const MaxPoolIntegers<T>& p) {
  const Conv& s = p.shape;
  if (s.c == 0) return;
  // outputs of a row whose windows fit a strip together
  const ptrdiff_t columns = row_numbers / s.c;
  const ptrdiff_t fit = columns < s.kw ? 0 : (columns - s.kw) / s.stride_w + 1;
  const bool in_strips = fit > 0 && s.c * ptrdiff_t{sizeof(T)} < ptrdiff_t{sizeof(Wide<T>)};
  Strip<T> strip;
  for (ptrdiff_t i = p.first_row; i < p.last_row; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top, row = s.w * s.c;
    const TapRange down = taps_inside(top, s.h, s.kh, 1);
    const ptrdiff_t rows = down.last - down.first;
    const T* x = p.x + (top + down.first) * row;
    T* out = p.out + i * s.ow * s.c;
    for (ptrdiff_t j = 0; j < s.ow; j += in_strips ? fit : 1) {
      if (in_strips) {
        pool_strip(p, x, rows, {j, j + fit < s.ow ? j + fit : s.ow}, strip, out);
        continue;
      }
      const ptrdiff_t left = j * s.stride_w - s.pad_left;
      const TapRange across = taps_inside(left, s.w, s.kw, 1);
      pool_numbers(x + (left + across.first) * s.c, {rows, row, across.last - across.first, s.c},
                   p.lo, p.hi, s.c, out + j * s.c);
    }
  }
}

}  // namespace

void max_pool_int8(const MaxPoolIntegers<int8_t>& p) noexcept { pool(p); }
void max_pool_uint8(const MaxPoolIntegers<uint8_t>& p) noexcept { pool(p); }
void max_pool_int16(const MaxPoolIntegers<int16_t>& p) noexcept { pool(p); }

}  // namespace hone::HONE_ISA
