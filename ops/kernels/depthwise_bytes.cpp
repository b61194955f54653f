/// Depthwise convolution of int8 images, bit for bit that of the format's reference kernels: as for
/// floats (depthwise.cpp), but with int32 sums, which are requantized before they leave the
/// registers.

#include "ops/kernels/isa.h"
#include "ops/kernels/requant.h"
#include "ops/kernels/taps.h"

namespace hone::HONE_ISA {
namespace {

using V = Ints<lanes>;

/// One vector of channels, pointers moved to it.
template <bool Cut>
struct Block {
  const Conv& s;
  const DepthwiseBytes& d;
  ptrdiff_t channel;
  Columns<Cut> channels;

  HONE_INLINE const int8_t* x(ptrdiff_t row, ptrdiff_t column) const {
    return d.x + (row * s.w + column) * s.c + channel;
  }
  HONE_INLINE V weights(ptrdiff_t tap) const {
    return channels.get(d.w + tap * s.c + channel) - splat<lanes>(d.w_zero_point);
  }
};

/// The sums of any window; taps outside of the image count nothing.
template <bool Cut>
HONE_INLINE V window(const Block<Cut>& b, TapRange down, ptrdiff_t top, ptrdiff_t left) {
  const Conv& s = b.s;
  const TapRange across = taps_inside(left, s.w, s.kw, s.dilation_w);
  const V zero = splat<lanes>(b.d.x_zero_point);
  V sum{};
  for (ptrdiff_t i = down.first; i < down.last; ++i) {
    for (ptrdiff_t j = across.first; j < across.last; ++j) {
      const V x = b.channels.get(b.x(top + i * s.dilation_h, left + j * s.dilation_w)) - zero;
      sum = add_products(sum, x, small_factor(b.weights(i * s.kw + j)));
    }
  }
  return sum;
}

/// The outputs [begin, end) of a row whose windows are whole, two at a time; K x K taps.  `start`:
/// what the zero point of the image makes of the weights.  Returns the first output that is left.
template <int K, bool Cut, class Scale>
HONE_INLINE ptrdiff_t whole_windows(const Block<Cut>& b, const V (&w)[K * K], V start,
                                    const Scale& scale, ptrdiff_t top, ptrdiff_t begin,
                                    ptrdiff_t end, int8_t* y) {
  const Conv& s = b.s;
  const ptrdiff_t down = s.dilation_h * s.w * s.c, across = s.dilation_w * s.c;
  const ptrdiff_t step = s.stride_w * s.c, pixel = s.c;
  const int8_t* x = b.x(top, begin * s.stride_w - s.pad_left);
  const Columns<Cut> channels = b.channels;
  ptrdiff_t i = begin;
  for (; i + 1 < end; i += 2, x += 2 * step) {
    V first = start, second = start;
    HONE_UNROLL
    for (int r = 0; r < K; ++r) {
      HONE_UNROLL
      for (int c = 0; c < K; ++c) {
        const int8_t* tap = x + r * down + c * across;
        first = add_products(first, channels.get(tap), w[r * K + c]);
        second = add_products(second, channels.get(tap + step), w[r * K + c]);
      }
    }
    channels.put(y + i * pixel, scale(first));
    channels.put(y + (i + 1) * pixel, scale(second));
  }
  return i;
}

#if defined(__AVX512VNNI__)
/// A window of 3 x 3 taps as three columns, each a lane of bytes: a column serves every window that
/// it lies in.
template <bool Cut>
class Columns3x3 {
 public:
  HONE_INLINE Columns3x3(const Block<Cut>& b, bool used) : b_(b) {
    if (!used) return;  // there may be fewer weights
    HONE_UNROLL
    for (int c = 0; c < 3; ++c) {
      const V w0 = b.weights(c), w1 = b.weights(3 + c), w2 = b.weights(6 + c);
      w_[c] = (w0 & 0xFF) | (w1 & 0xFF) << 8 | (w2 & 0xFF) << 16;
      start_ -= (w0 + w1 + w2) * splat<lanes>(b.d.x_zero_point + HONE_BYTE_FLIP);
    }
  }

  /// Outputs [begin, end) of a row whose windows are whole.
  template <class Scale>
  HONE_INLINE void windows(const Scale& scale, ptrdiff_t top, ptrdiff_t begin, ptrdiff_t end,
                           int8_t* y) const {
    if (begin >= end) return;
    const Conv& s = b_.s;
    const int8_t* x = b_.x(top, begin * s.stride_w - s.pad_left);
    const ptrdiff_t step = s.stride_w * s.c, pixel = s.c;
    V first = column(x), second = column(x + pixel);
    for (ptrdiff_t i = begin; i < end; ++i) {
      const V third = column(x + 2 * pixel);
      V sum = add_bytes_of<lanes>(start_, first, w_[0]);
      sum = add_bytes_of<lanes>(sum, second, w_[1]);
      sum = add_bytes_of<lanes>(sum, third, w_[2]);
      b_.channels.put(y + i * pixel, scale(sum));
      if (i + 1 == end) break;  // what follows may lie behind the image
      x += step;
      first = s.stride_w == 1 ? second : s.stride_w == 2 ? third : column(x);
      second = s.stride_w == 1 ? third : column(x + pixel);
    }
  }

 private:
  HONE_INLINE V column(const int8_t* x) const {
    const ptrdiff_t down = b_.s.dilation_h * b_.s.w * b_.s.c;
    return column_of(b_.channels.get(x), b_.channels.get(x + down), b_.channels.get(x + 2 * down));
  }

  const Block<Cut>& b_;
  V w_[3] = {}, start_{};
};
#endif

/// K x K windows, or any with K = 0.
template <int K, bool Cut, class Scale>
HONE_NOINLINE void convolve(const DepthwiseBytes& d, ptrdiff_t channel, ptrdiff_t rest) {
  const Conv s = d.shape;  // a copy: a store of bytes might change d, as far as the compiler knows
  const Block<Cut> b{s, d, channel, {rest}};
  const Scale scale(d.requant, channel, b.channels);
  V w[K ? K * K : 1], start{};
  HONE_UNROLL
  for (int t = 0; t < K * K; ++t) {
    w[t] = b.weights(t);
    start -= w[t] * splat<lanes>(d.x_zero_point);
    w[t] = small_factor(w[t]);
  }
#if defined(__AVX512VNNI__)
  const bool by_columns = K == 3 && s.dilation_w == 1 && d.w_zero_point == 0;
  const Columns3x3<Cut> columns(b, by_columns);
#endif
  const TapRange inner = interior(s.ow, s.w, s.kw, s.stride_w, s.dilation_w, s.pad_left);
  const ptrdiff_t last_row = d.last_row;
  for (ptrdiff_t i = d.first_row; i < last_row; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top;
    const TapRange down = taps_inside(top, s.h, s.kh, s.dilation_h);
    int8_t* y = d.y + i * s.ow * s.c + channel;
    ptrdiff_t j = 0;
    const auto windows_to = [&](ptrdiff_t end) HONE_INLINE_LAMBDA {
      for (; j < end; ++j) {
        b.channels.put(y + j * s.c, scale(window(b, down, top, j * s.stride_w - s.pad_left)));
      }
    };
    if constexpr (K > 0) {
      if (down.whole(K)) {
        windows_to(inner.first);
#if defined(__AVX512VNNI__)
        if (by_columns) {
          columns.windows(scale, top, j, inner.last, y);
          j = j < inner.last ? inner.last : j;
        }
#endif
        j = whole_windows<K, Cut>(b, w, start, scale, top, j, inner.last, y);
      }
    }
    windows_to(s.ow);
  }
}

template <bool Cut>
HONE_INLINE void convolve(const DepthwiseBytes& d, ptrdiff_t channel, ptrdiff_t rest) {
  const bool square = d.shape.kh == d.shape.kw;
  if (!d.requant.only_right) {
    convolve<0, Cut, FixedRequantizer>(d, channel, rest);
  } else if (square && d.shape.kh == 3) {
    convolve<3, Cut, RightRequantizer>(d, channel, rest);
  } else if (square && d.shape.kh == 5 && lanes == 16) {  // 25 weights need 32 registers
    convolve<5, Cut, RightRequantizer>(d, channel, rest);
  } else {
    convolve<0, Cut, RightRequantizer>(d, channel, rest);
  }
}

}  // namespace

void depthwise_bytes(const DepthwiseBytes& d) noexcept {
  ptrdiff_t c = d.first_channel;
  for (; c + lanes <= d.last_channel; c += lanes) convolve<false>(d, c, 0);
  if (c < d.last_channel) convolve<true>(d, c, d.last_channel - c);
}

}  // namespace hone::HONE_ISA
