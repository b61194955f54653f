/// Depthwise convolution and the gradient of its input: vectors run along the channels, a block of
/// channels goes over the whole image with its weights in registers.

#include "ops/kernels/isa.h"
#include "ops/kernels/taps.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

/// One block of channels, pointers moved to it.
struct Block {
  Conv s;
  ptrdiff_t first_row, last_row;
  const float* x;
  const float* w;
  ptrdiff_t w_tap;  // between taps; negative where they are reversed
  const float* bias;
  float lo, hi;
  float* y;
  ptrdiff_t rest;  // channels of a cut vector
};

/// Any window; the order of additions is that of the taps, here and below.
template <bool Cut>
HONE_INLINE void window(const Block& b, const Row<lanes, 1, Cut>& row, TapRange down, ptrdiff_t top,
                        ptrdiff_t left, float* y) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const TapRange across = taps_inside(left, s.w, s.kw, s.dilation_w);
  V sum = b.bias ? row.get(b.bias, 0) : V{};
  for (ptrdiff_t i = down.first; i < down.last; ++i) {
    const float* x = b.x + ((top + i * s.dilation_h) * s.w + left) * s.x_pixel;
    const float* w = b.w + i * s.kw * b.w_tap;
    for (ptrdiff_t j = across.first; j < across.last; ++j) {
      sum += row.get(x + j * s.dilation_w * s.x_pixel, 0) * row.get(w + j * b.w_tap, 0);
    }
  }
  row.put(y, 0, clamp<lanes>(sum, splat<lanes>(b.lo), splat<lanes>(b.hi)));
}

/// The outputs [begin, end) of a row whose windows are whole, two at a time; K x K taps.  Returns
/// the first output that is left.
template <int K, bool Cut>
HONE_INLINE ptrdiff_t whole_windows(const Block& b, const Row<lanes, 1, Cut>& row,
                                    const Floats<lanes> (&w)[K * K], ptrdiff_t top, ptrdiff_t begin,
                                    ptrdiff_t end, float* y) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const V start = b.bias ? row.get(b.bias, 0) : V{};
  const V lo = splat<lanes>(b.lo), hi = splat<lanes>(b.hi);
  const ptrdiff_t down = s.dilation_h * s.w * s.x_pixel, across = s.dilation_w * s.x_pixel;
  const ptrdiff_t step = s.stride_w * s.x_pixel;
  const float* x = b.x + (top * s.w + begin * s.stride_w - s.pad_left) * s.x_pixel;
  ptrdiff_t i = begin;
  for (; i + 1 < end; i += 2, x += 2 * step) {
    V first = start, second = start;
    HONE_UNROLL
    for (int r = 0; r < K; ++r) {
      HONE_UNROLL
      for (int c = 0; c < K; ++c) {
        first += row.get(x + r * down + c * across, 0) * w[r * K + c];
        second += row.get(x + step + r * down + c * across, 0) * w[r * K + c];
      }
    }
    row.put(y + i * s.y_pixel, 0, clamp<lanes>(first, lo, hi));
    row.put(y + (i + 1) * s.y_pixel, 0, clamp<lanes>(second, lo, hi));
  }
  return i;
}

/// K x K windows, or any with K = 0.
template <int K, bool Cut>
HONE_NOINLINE void forward_block(const Block& b) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const Row<lanes, 1, Cut> row{part<lanes>(Cut ? b.rest : 1)};
  V w[K ? K * K : 1];
  HONE_UNROLL
  for (int t = 0; t < K * K; ++t) w[t] = row.get(b.w + t * b.w_tap, 0);
  const TapRange inner = interior(s.ow, s.w, s.kw, s.stride_w, s.dilation_w, s.pad_left);
  for (ptrdiff_t i = b.first_row; i < b.last_row; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top;
    const TapRange down = taps_inside(top, s.h, s.kh, s.dilation_h);
    float* y = b.y + i * s.ow * s.y_pixel;
    ptrdiff_t j = 0;
    const auto windows_to = [&](ptrdiff_t end) HONE_INLINE_LAMBDA {
      for (; j < end; ++j) {
        window<Cut>(b, row, down, top, j * s.stride_w - s.pad_left, y + j * s.y_pixel);
      }
    };
    if constexpr (K > 0) {
      if (down.whole(K)) {
        windows_to(inner.first);
        j = whole_windows<K, Cut>(b, row, w, top, j, inner.last, y);
      }
    }
    windows_to(s.ow);
  }
}

template <bool Cut>
HONE_INLINE void forward_block(const Block& b) {
  const bool square = b.s.kh == b.s.kw;
  if (square && b.s.kh == 3) {
    forward_block<3, Cut>(b);
  } else if (square && b.s.kh == 5 && lanes == 16) {  // 25 weights need 32 registers
    forward_block<5, Cut>(b);
  } else {
    forward_block<0, Cut>(b);
  }
}

/// The gradient of the input at stride 2 by 2 under 3 x 3 taps, pads 0 or 1: four outputs, a 2 x 2
/// quad, meet four gradients.  gy comes in as x, gx goes out as y, `s` is the forward shape.
template <bool Cut>
HONE_NOINLINE void input_quads(const Block& b) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const Row<lanes, 1, Cut> row{part<lanes>(Cut ? b.rest : 1)};
  V w[9];
  HONE_UNROLL
  for (int t = 0; t < 9; ++t) w[t] = row.get(b.w + t * b.w_tap, 0);
  const ptrdiff_t end = (s.w + s.pad_left - 1) / 2;
  for (ptrdiff_t i = (b.first_row + s.pad_top) / 2; i <= (b.last_row - 1 + s.pad_top) / 2; ++i) {
    const ptrdiff_t upper = 2 * i - s.pad_top, lower = upper + 1;
    const float* below = i < s.oh ? b.x + i * s.ow * s.y_pixel : nullptr;
    const float* above = i > 0 && i - 1 < s.oh ? b.x + (i - 1) * s.ow * s.y_pixel : nullptr;
    float* y0 =
        upper >= b.first_row && upper < b.last_row ? b.y + upper * s.w * s.x_pixel : nullptr;
    float* y1 =
        lower >= b.first_row && lower < b.last_row ? b.y + lower * s.w * s.x_pixel : nullptr;
    V before_below{}, before_above{};
    for (ptrdiff_t j = 0; j <= end; ++j) {
      const V here = below && j < s.ow ? row.get(below + j * s.y_pixel, 0) : V{};
      const V over = above && j < s.ow ? row.get(above + j * s.y_pixel, 0) : V{};
      const ptrdiff_t left = 2 * j - s.pad_left, right = left + 1;
      const bool has_left = left >= 0 && left < s.w, has_right = right < s.w;
      if (y0) {
        if (has_left) {
          row.put(y0 + left * s.x_pixel, 0,
                  here * w[0] + before_below * w[2] + over * w[6] + before_above * w[8]);
        }
        if (has_right) row.put(y0 + right * s.x_pixel, 0, here * w[1] + over * w[7]);
      }
      if (y1) {
        if (has_left) row.put(y1 + left * s.x_pixel, 0, here * w[3] + before_below * w[5]);
        if (has_right) row.put(y1 + right * s.x_pixel, 0, here * w[4]);
      }
      before_below = here;
      before_above = over;
    }
  }
}

/// The gradient of the input for any stride: each input looks for the outputs that it reached.
template <bool Cut>
HONE_NOINLINE void input_gather(const Block& b) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const Row<lanes, 1, Cut> row{part<lanes>(Cut ? b.rest : 1)};
  for (ptrdiff_t i = b.first_row; i < b.last_row; ++i) {
    for (ptrdiff_t j = 0; j < s.w; ++j) {
      V sum{};
      for (ptrdiff_t r = 0; r < s.kh; ++r) {
        const ptrdiff_t down = i + s.pad_top - r * s.dilation_h;
        if (down < 0) break;
        const ptrdiff_t oy = down / s.stride_h;
        if (oy * s.stride_h != down || oy >= s.oh) continue;
        for (ptrdiff_t c = 0; c < s.kw; ++c) {
          const ptrdiff_t across = j + s.pad_left - c * s.dilation_w;
          if (across < 0) break;
          const ptrdiff_t ox = across / s.stride_w;
          if (ox * s.stride_w != across || ox >= s.ow) continue;
          sum += row.get(b.x + (oy * s.ow + ox) * s.y_pixel, 0) *
                 row.get(b.w + (r * s.kw + c) * b.w_tap, 0);
        }
      }
      row.put(b.y + (i * s.w + j) * s.x_pixel, 0, sum);
    }
  }
}

/// Stride 1: the forward convolution of gy with the taps reversed.
HONE_INLINE Block reversed(Block b) {
  const Conv s = b.s;
  b.s.h = s.oh, b.s.w = s.ow, b.s.oh = s.h, b.s.ow = s.w;
  b.s.x_pixel = s.y_pixel, b.s.y_pixel = s.x_pixel;
  b.s.pad_top = (s.kh - 1) * s.dilation_h - s.pad_top;
  b.s.pad_left = (s.kw - 1) * s.dilation_w - s.pad_left;
  b.w += (s.kh * s.kw - 1) * b.w_tap;
  b.w_tap = -b.w_tap;
  return b;
}

/// run(block, cut) for each vector of channels, multiplier 1.
template <class Run>
HONE_INLINE void for_blocks(const Depthwise& d, const float* x, Run run) {
  for (ptrdiff_t c = d.first_channel; c < d.last_channel; c += lanes) {
    Block b;
    b.s = d.shape;
    b.s.x_pixel = b.s.y_pixel = d.shape.c;
    b.first_row = d.first_row, b.last_row = d.last_row;
    b.x = x + c;
    b.w = d.w + c;
    b.w_tap = d.shape.o;
    b.bias = d.bias ? d.bias + c : nullptr;
    b.lo = d.lo, b.hi = d.hi;
    b.y = d.out + c;
    b.rest = d.last_channel - c;
    run(b);
  }
}

/// Several outputs of each channel: plain loops along them.
void forward_multiplied(const Depthwise& d) {
  const Conv& s = d.shape;
  const ptrdiff_t m = s.o / s.c, first = d.first_channel * m, last = d.last_channel * m;
  for (ptrdiff_t i = d.first_row; i < d.last_row; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top;
    const TapRange down = taps_inside(top, s.h, s.kh, s.dilation_h);
    for (ptrdiff_t j = 0; j < s.ow; ++j) {
      const ptrdiff_t left = j * s.stride_w - s.pad_left;
      const TapRange across = taps_inside(left, s.w, s.kw, s.dilation_w);
      float* y = d.out + (i * s.ow + j) * s.o;
      for (ptrdiff_t o = first; o < last; ++o) y[o] = d.bias ? d.bias[o] : 0.0f;
      for (ptrdiff_t r = down.first; r < down.last; ++r) {
        for (ptrdiff_t q = across.first; q < across.last; ++q) {
          const float* x = d.x + ((top + r * s.dilation_h) * s.w + left + q * s.dilation_w) * s.c;
          const float* w = d.w + (r * s.kw + q) * s.o;
          for (ptrdiff_t c = d.first_channel; c < d.last_channel; ++c) {
            const float value = x[c];
            for (ptrdiff_t o = c * m; o < (c + 1) * m; ++o) y[o] += value * w[o];
          }
        }
      }
      for (ptrdiff_t o = first; o < last; ++o) {
        const float v = y[o] < d.lo ? d.lo : y[o];
        y[o] = v > d.hi ? d.hi : v;
      }
    }
  }
}

void input_multiplied(const Depthwise& d) {
  const Conv& s = d.shape;
  const ptrdiff_t m = s.o / s.c;
  for (ptrdiff_t i = d.first_row; i < d.last_row; ++i) {
    for (ptrdiff_t j = 0; j < s.w; ++j) {
      float* gx = d.out + (i * s.w + j) * s.c;
      for (ptrdiff_t c = d.first_channel; c < d.last_channel; ++c) gx[c] = 0;
      for (ptrdiff_t r = 0; r < s.kh; ++r) {
        const ptrdiff_t down = i + s.pad_top - r * s.dilation_h;
        if (down < 0 || down % s.stride_h != 0 || down / s.stride_h >= s.oh) continue;
        for (ptrdiff_t q = 0; q < s.kw; ++q) {
          const ptrdiff_t across = j + s.pad_left - q * s.dilation_w;
          if (across < 0 || across % s.stride_w != 0 || across / s.stride_w >= s.ow) continue;
          const float* gy = d.gy + (down / s.stride_h * s.ow + across / s.stride_w) * s.o;
          const float* w = d.w + (r * s.kw + q) * s.o;
          for (ptrdiff_t c = d.first_channel; c < d.last_channel; ++c) {
            float sum = 0;
            for (ptrdiff_t o = c * m; o < (c + 1) * m; ++o) sum += gy[o] * w[o];
            gx[c] += sum;
          }
        }
      }
    }
  }
}

}  // namespace

void depthwise(const Depthwise& d) noexcept {
  if (d.shape.c != d.shape.o) return forward_multiplied(d);
  for_blocks(d, d.x, [](const Block& b) {
    if (b.rest < lanes) {
      forward_block<true>(b);
    } else {
      forward_block<false>(b);
    }
  });
}

void depthwise_input(const Depthwise& d) noexcept {
  const Conv& s = d.shape;
  if (s.c != s.o) return input_multiplied(d);
  const bool unit = s.stride_h == 1 && s.stride_w == 1;
  const bool quads = s.stride_h == 2 && s.stride_w == 2 && s.kh == 3 && s.kw == 3 &&
                     s.dilation_h == 1 && s.dilation_w == 1 && (s.pad_top | s.pad_left) / 2 == 0;
  for_blocks(d, d.gy, [unit, quads](const Block& block) {
    Block b = block;
    b.bias = nullptr;
    b.lo = -__builtin_inff(), b.hi = __builtin_inff();
    if (unit) b = reversed(b);
    if (b.rest < lanes) {
      unit ? forward_block<true>(b) : quads ? input_quads<true>(b) : input_gather<true>(b);
    } else {
      unit ? forward_block<false>(b) : quads ? input_quads<false>(b) : input_gather<false>(b);
    }
  });
}

}  // namespace hone::HONE_ISA
