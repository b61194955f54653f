/// The gradient of the weights of a depthwise convolution: sums stay in registers while a block of
/// channels goes over the image.

#include "ops/kernels/isa.h"
#include "ops/kernels/taps.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

/// One block of channels, pointers moved to it; multiplier 1.
struct Block {
  const Conv& s;
  const float* x;
  const float* gy;
  float* gw;
  bool accumulate;
  ptrdiff_t rest;  // channels of a cut vector
};

/// KH rows of KW taps from tap row `first` on: whole windows in registers, then the borders.
template <int KH, int KW, bool Cut>
HONE_NOINLINE void tap_rows(const Block& b, ptrdiff_t first) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const Row<lanes, 1, Cut> row{part<lanes>(Cut ? b.rest : 1)};
  const ptrdiff_t down = s.dilation_h * s.w * s.c, across = s.dilation_w * s.c;
  float* gw = b.gw + first * KW * s.c;
  V sum[KH * KW];
  HONE_UNROLL
  for (int t = 0; t < KH * KW; ++t) sum[t] = b.accumulate ? row.get(gw + t * s.c, 0) : V{};
  const TapRange inner = interior(s.ow, s.w, KW, s.stride_w, s.dilation_w, s.pad_left);
  for (ptrdiff_t i = 0; i < s.oh; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top + first * s.dilation_h;
    if (!taps_inside(top, s.h, KH, s.dilation_h).whole(KH)) continue;
    const float* gy = b.gy + i * s.ow * s.c;
    const float* x = b.x + (top * s.w + inner.first * s.stride_w - s.pad_left) * s.c;
    for (ptrdiff_t j = inner.first; j < inner.last; ++j, x += s.stride_w * s.c) {
      const V g = row.get(gy + j * s.c, 0);
      HONE_UNROLL
      for (int r = 0; r < KH; ++r) {
        HONE_UNROLL
        for (int c = 0; c < KW; ++c) {
          sum[r * KW + c] += row.get(x + r * down + c * across, 0) * g;
        }
      }
    }
  }
  HONE_UNROLL
  for (int t = 0; t < KH * KW; ++t) row.put(gw + t * s.c, 0, sum[t]);

  for (ptrdiff_t i = 0; i < s.oh; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top + first * s.dilation_h;
    const TapRange rows = taps_inside(top, s.h, KH, s.dilation_h);
    const bool whole = rows.whole(KH);
    for (ptrdiff_t j = 0; j < s.ow; ++j) {
      if (whole && j == inner.first) {
        j = inner.last;
        if (j >= s.ow) break;
      }
      const ptrdiff_t left = j * s.stride_w - s.pad_left;
      const TapRange columns = taps_inside(left, s.w, KW, s.dilation_w);
      const V g = row.get(b.gy + (i * s.ow + j) * s.c, 0);
      for (ptrdiff_t r = rows.first; r < rows.last; ++r) {
        const float* x = b.x + ((top + r * s.dilation_h) * s.w + left) * s.c;
        for (ptrdiff_t c = columns.first; c < columns.last; ++c) {
          float* to = gw + (r * KW + c) * s.c;
          row.put(to, 0, row.get(to, 0) + row.get(x + c * across, 0) * g);
        }
      }
    }
  }
}

/// Any window, one tap at a time.
template <bool Cut>
HONE_NOINLINE void single_taps(const Block& b) {
  using V = Floats<lanes>;
  const Conv& s = b.s;
  const Row<lanes, 1, Cut> row{part<lanes>(Cut ? b.rest : 1)};
  for (ptrdiff_t t = 0; t < s.kh * s.kw; ++t) {
    const ptrdiff_t pad_top = s.pad_top - t / s.kw * s.dilation_h;
    const ptrdiff_t pad_left = s.pad_left - t % s.kw * s.dilation_w;
    const TapRange rows = interior(s.oh, s.h, 1, s.stride_h, 1, pad_top);
    const TapRange columns = interior(s.ow, s.w, 1, s.stride_w, 1, pad_left);
    float* gw = b.gw + t * s.c;
    V sum = b.accumulate ? row.get(gw, 0) : V{};
    for (ptrdiff_t i = rows.first; i < rows.last; ++i) {
      const float* x = b.x + ((i * s.stride_h - pad_top) * s.w - pad_left) * s.c;
      const float* gy = b.gy + i * s.ow * s.c;
      for (ptrdiff_t j = columns.first; j < columns.last; ++j) {
        sum += row.get(x + j * s.stride_w * s.c, 0) * row.get(gy + j * s.c, 0);
      }
    }
    row.put(gw, 0, sum);
  }
}

template <bool Cut>
HONE_INLINE void weight_block(const Block& b) {
  if (b.s.kh == 3 && b.s.kw == 3) {
    tap_rows<3, 3, Cut>(b, 0);
  } else if (b.s.kh == 5 && b.s.kw == 5) {
    if constexpr (lanes == 16) {
      tap_rows<5, 5, Cut>(b, 0);
    } else {
      for (ptrdiff_t r = 0; r < 5; ++r) tap_rows<1, 5, Cut>(b, r);
    }
  } else {
    single_taps<Cut>(b);
  }
}

/// Several outputs of each channel: plain loops along them.
void weights_multiplied(const Depthwise& d) {
  const Conv& s = d.shape;
  const ptrdiff_t m = s.o / s.c;
  for (ptrdiff_t t = 0; t < s.kh * s.kw; ++t) {
    const ptrdiff_t pad_top = s.pad_top - t / s.kw * s.dilation_h;
    const ptrdiff_t pad_left = s.pad_left - t % s.kw * s.dilation_w;
    const TapRange rows = interior(s.oh, s.h, 1, s.stride_h, 1, pad_top);
    const TapRange columns = interior(s.ow, s.w, 1, s.stride_w, 1, pad_left);
    float* gw = d.out + t * s.o;
    if (!d.accumulate) {
      for (ptrdiff_t o = d.first_channel * m; o < d.last_channel * m; ++o) gw[o] = 0;
    }
    for (ptrdiff_t i = rows.first; i < rows.last; ++i) {
      for (ptrdiff_t j = columns.first; j < columns.last; ++j) {
        const float* x = d.x + ((i * s.stride_h - pad_top) * s.w + j * s.stride_w - pad_left) * s.c;
        const float* gy = d.gy + (i * s.ow + j) * s.o;
        for (ptrdiff_t c = d.first_channel; c < d.last_channel; ++c) {
          const float value = x[c];
          for (ptrdiff_t o = c * m; o < (c + 1) * m; ++o) gw[o] += value * gy[o];
        }
      }
    }
  }
}

}  // namespace

void depthwise_weights(const Depthwise& d) noexcept {
  if (d.shape.c != d.shape.o) return weights_multiplied(d);
  for (ptrdiff_t c = d.first_channel; c < d.last_channel; c += lanes) {
    const Block b{d.shape, d.x + c, d.gy + c, d.out + c, d.accumulate, d.last_channel - c};
    if (b.rest < lanes) {
      weight_block<true>(b);
    } else {
      weight_block<false>(b);
    }
  }
}

}  // namespace hone::HONE_ISA
