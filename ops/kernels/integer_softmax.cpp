/// Softmax of rows of bytes, in fixed point.

#include "ops/kernels/bytes.h"
#include "ops/kernels/isa.h"

namespace hone::HONE_ISA {
namespace {

using V = Ints<lanes>;
typedef uint32_t Unsigned __attribute__((vector_size(lanes * 4)));

/// All bits of the first n lanes, of all where n is larger.
HONE_INLINE V first_lanes(ptrdiff_t n) {
  V at;
  HONE_UNROLL
  for (int i = 0; i < lanes; ++i) at[i] = i;
  return at < splat<lanes>(static_cast<int32_t>(n < lanes ? n : lanes));
}

/// The first n bytes, at most a vector of them.
HONE_INLINE V load_some_bytes(const int8_t* x, ptrdiff_t n) {
  return n >= lanes ? load_bytes(x) : load_bytes(x, SomeBytes{n});
}

/// The lanes combined by f, halves onto each other.
template <int L, class F>
HONE_INLINE int32_t folded(Ints<L> v, F f) {
  if constexpr (L == 1) {
    return v[0];
  } else {
    Ints<L / 2> halves[2];
    memcpy(halves, &v, sizeof v);
    return folded<L / 2>(f(halves[0], halves[1]), f);
  }
}

/// The largest of a row; `flip` makes unsigned bytes signed.
HONE_INLINE int32_t largest(const int8_t* x, ptrdiff_t count, int32_t flip) {
  const auto larger = [](auto a, auto b) HONE_INLINE_LAMBDA { return a > b ? a : b; };
  V most = splat<lanes>(-128);
  for (ptrdiff_t i = 0; i < count; i += lanes) {
    const V v = load_some_bytes(x + i, count - i) ^ flip;
    most = (first_lanes(count - i) & (v > most)) ? v : most;
  }
  return folded<lanes>(most, larger) ^ flip;
}

// Numbers whose exponentials are held at a time.
constexpr ptrdiff_t row_part = 256;

/// The exponentials of a part of a row, to e; their sum, each rounded to 19 bits.
HONE_INLINE int32_t exponentials(const int32_t* table, int32_t most, const int8_t* x,
                                 ptrdiff_t count, int32_t* e) {
  Unsigned sums{};
  for (ptrdiff_t i = 0; i < count; i += lanes) {
    const V v =
        look_up(table, (most - load_some_bytes(x + i, count - i)) & 0xFF) & first_lanes(count - i);
    store<lanes>(e + i, v);
    sums += ((Unsigned)v + 2048) >> 12;
  }
  return folded<lanes>((V)sums, [](auto a, auto b) HONE_INLINE_LAMBDA { return a + b; });
}

}  // namespace

void softmax_bytes(const SoftmaxBytes& s) noexcept {
  const int32_t flip = s.is_unsigned ? -128 : 0;
  const V lowest = splat<lanes>(s.is_unsigned ? 0 : -128);
  const Unsigned one = (Unsigned)splat<lanes>(255);
  int32_t e[row_part];
  for (ptrdiff_t r = 0; r < s.rows; ++r) {
    const int8_t* const x = s.x + r * s.count;
    int8_t* const y = s.y + r * s.count;
    const int32_t most = largest(x, s.count, flip);
    const auto part_of_row = [&](ptrdiff_t first) HONE_INLINE_LAMBDA {
      return s.count - first < row_part ? s.count - first : row_part;
    };
    int64_t sum = 0;
    for (ptrdiff_t first = 0; first < s.count; first += row_part) {
      sum += exponentials(s.exponentials, most, x + first, part_of_row(first), e);
    }
    const ByteShare share = s.share(sum);
    const V factor = splat<lanes>(share.factor);
    const uint32_t half = share.right > 0 ? 1u << (share.right - 1) : 0u;
    const auto right = static_cast<uint32_t>(share.right);
    for (ptrdiff_t first = 0; first < s.count; first += row_part) {
      const ptrdiff_t count = part_of_row(first);
      if (s.count > row_part) exponentials(s.exponentials, most, x + first, count, e);
      for (ptrdiff_t i = 0; i < count; i += lanes) {
        Unsigned q = (Unsigned)high_product(load<lanes>(e + i), factor);
        q = (q + half) >> right;
        const V v = (V)(q < one ? q : one) + lowest;
        if (count - i >= lanes) {
          store_bytes(y + first + i, v);
        } else {
          store_bytes(y + first + i, v, SomeBytes{count - i});
        }
      }
    }
  }
}

}  // namespace hone::HONE_ISA
