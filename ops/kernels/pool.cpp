/// Maximum pooling: vectors run along the channels.

#include "ops/kernels/isa.h"
#include "ops/kernels/taps.h"
#include "ops/kernels/tiles.h"

namespace hone::HONE_ISA {
namespace {

/// visit(window's first tap in the image, rows, columns, output pixel) for every output.
template <class Visit>
HONE_INLINE void for_windows(const MaxPool& p, Visit visit) {
  const Conv& s = p.shape;
  for (ptrdiff_t i = p.first_row; i < p.last_row; ++i) {
    const ptrdiff_t top = i * s.stride_h - s.pad_top;
    const TapRange down = taps_inside(top, s.h, s.kh, 1);
    for (ptrdiff_t j = 0; j < s.ow; ++j) {
      const ptrdiff_t left = j * s.stride_w - s.pad_left;
      const TapRange across = taps_inside(left, s.w, s.kw, 1);
      visit((top + down.first) * s.w + left + across.first, down.last - down.first,
            across.last - across.first, i * s.ow + j);
    }
  }
}

/// Calls run<Cut>(channel, row) for each vector of channels.
template <class Run>
HONE_INLINE void for_channels(const MaxPool& p, Run run) {
  ptrdiff_t c = p.first_channel;
  for (; c + lanes <= p.last_channel; c += lanes) run(c, Row<lanes, 1, false>{part<lanes>(1)});
  if (c < p.last_channel) run(c, Row<lanes, 1, true>{part<lanes>(p.last_channel - c)});
}

}  // namespace

void max_pool(const MaxPool& p) noexcept {
  using V = Floats<lanes>;
  const Conv& s = p.shape;
  const V lo = splat<lanes>(p.lo), hi = splat<lanes>(p.hi);
  for_channels(p, [&](ptrdiff_t c, auto row) HONE_INLINE_LAMBDA {
    for_windows(p, [&](ptrdiff_t from, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t pixel)
                       HONE_INLINE_LAMBDA {
                         const float* x = p.x + from * s.c + c;
                         V best = row.get(x, 0);
                         for (ptrdiff_t i = 0; i < rows; ++i, x += s.w * s.c) {
                           for (ptrdiff_t j = 0; j < columns; ++j) {
                             const V v = row.get(x + j * s.c, 0);
                             best = v > best ? v : best;
                           }
                         }
                         row.put(p.out + pixel * s.c + c, 0, clamp<lanes>(best, lo, hi));
                       });
  });
}

void max_pool_input(const MaxPool& p) noexcept {
  using V = Floats<lanes>;
  const Conv& s = p.shape;
  for_channels(p, [&](ptrdiff_t c, auto row) HONE_INLINE_LAMBDA {
    for_windows(p, [&](ptrdiff_t from, ptrdiff_t rows, ptrdiff_t columns,
                       ptrdiff_t pixel) HONE_INLINE_LAMBDA {
      const float* x = p.x + from * s.c + c;
      V best = row.get(x, 0);
      Ints<lanes> where{};
      for (ptrdiff_t i = 0, tap = 0; i < rows; ++i, x += s.w * s.c) {
        for (ptrdiff_t j = 0; j < columns; ++j, ++tap) {
          const V v = row.get(x + j * s.c, 0);
          where = v > best ? splat<lanes>(static_cast<int32_t>(tap)) : where;
          best = v > best ? v : best;
        }
      }
      const V g = row.get(p.gy + pixel * s.c + c, 0);
      float* gx = p.out + from * s.c + c;
      for (ptrdiff_t i = 0, tap = 0; i < rows; ++i, gx += s.w * s.c) {
        for (ptrdiff_t j = 0; j < columns; ++j, ++tap) {
          const V here = where == splat<lanes>(static_cast<int32_t>(tap)) ? g : V{};
          row.put(gx + j * s.c, 0, row.get(gx + j * s.c, 0) + here);
        }
      }
    });
  });
}

}  // namespace hone::HONE_ISA
