#include "ops/kernels/conv_table.h"

#include <algorithm>
#include <limits>

namespace hone {
namespace {

std::ptrdiff_t tiles_of(std::ptrdiff_t pixels, std::ptrdiff_t row_block) {
  return (pixels + row_block - 1) / row_block;
}

std::size_t class_size(std::ptrdiff_t taps, std::ptrdiff_t pixels, std::ptrdiff_t row_block) {
  return static_cast<std::size_t>(2 + taps + tiles_of(pixels, row_block) * (taps + 1) * row_block);
}

/// Input positions along one axis that the same taps reach: those with
/// (position + pad) % stride == phase.
struct Positions {
  std::ptrdiff_t first, count;

  Positions(std::ptrdiff_t phase, std::ptrdiff_t pad, std::ptrdiff_t stride, std::ptrdiff_t size) {
    first = ((phase - pad) % stride + stride) % stride;
    count = size > first ? (size - first + stride - 1) / stride : 0;
  }
};

bool reaches(std::ptrdiff_t phase, std::ptrdiff_t tap, std::ptrdiff_t dilation,
             std::ptrdiff_t stride) {
  return (tap * dilation - phase) % stride == 0;
}

std::ptrdiff_t taps_of_phase(std::ptrdiff_t phase, std::ptrdiff_t taps, std::ptrdiff_t dilation,
                             std::ptrdiff_t stride) {
  std::ptrdiff_t count = 0;
  for (std::ptrdiff_t tap = 0; tap < taps; ++tap) count += reaches(phase, tap, dilation, stride);
  return count;
}

/// Calls visit(phase_h, phase_w, rows, columns, taps) for each class that has pixels.
template <class Visit>
void for_classes(const Conv& s, Visit visit) {
  for (std::ptrdiff_t i = 0; i < s.stride_h; ++i) {
    const Positions rows(i, s.pad_top, s.stride_h, s.h);
    const std::ptrdiff_t taps_h = taps_of_phase(i, s.kh, s.dilation_h, s.stride_h);
    for (std::ptrdiff_t j = 0; rows.count > 0 && j < s.stride_w; ++j) {
      const Positions columns(j, s.pad_left, s.stride_w, s.w);
      const std::ptrdiff_t taps_w = taps_of_phase(j, s.kw, s.dilation_w, s.stride_w);
      if (columns.count > 0) visit(i, j, rows, columns, taps_h * taps_w);
    }
  }
}

/// The output position whose tap covers `input`, or -1.
std::ptrdiff_t output_position(std::ptrdiff_t input, std::ptrdiff_t tap, std::ptrdiff_t dilation,
                               std::ptrdiff_t pad, std::ptrdiff_t stride, std::ptrdiff_t outputs) {
  const std::ptrdiff_t from = input + pad - tap * dilation;
  if (from < 0 || from % stride != 0) return -1;
  return from / stride < outputs ? from / stride : -1;
}

}  // namespace

bool fits_conv_table(const Conv& s) noexcept {
  constexpr double most = std::numeric_limits<std::int32_t>::max();
  const auto product = [](auto... n) { return (static_cast<double>(n) * ...); };
  return product(s.h, s.w, s.x_pixel) <= most && product(s.oh, s.ow, s.y_pixel) <= most &&
         product(s.o, s.kh, s.kw, s.c) <= most;
}

std::size_t forward_table_size(const Conv& s, std::ptrdiff_t row_block) noexcept {
  return 1 + class_size(s.kh * s.kw, s.oh * s.ow, row_block);
}

std::size_t backward_table_size(const Conv& s, std::ptrdiff_t row_block) noexcept {
  std::size_t size = 1;
  for_classes(s, [&](auto, auto, Positions rows, Positions columns, std::ptrdiff_t taps) {
    size += class_size(taps, rows.count * columns.count, row_block);
  });
  return size;
}

std::ptrdiff_t forward_tiles(const Conv& s, std::ptrdiff_t row_block) noexcept {
  return tiles_of(s.oh * s.ow, row_block);
}

std::ptrdiff_t backward_tiles(const Conv& s, std::ptrdiff_t row_block) noexcept {
  std::ptrdiff_t tiles = 0;
  for_classes(s, [&](auto, auto, Positions rows, Positions columns, std::ptrdiff_t) {
    tiles += tiles_of(rows.count * columns.count, row_block);
  });
  return tiles;
}

void build_forward_table(const Conv& s, std::ptrdiff_t row_block, std::int32_t* table) noexcept {
  const std::ptrdiff_t taps = s.kh * s.kw, pixels = s.oh * s.ow;
  std::int32_t* out = table;
  const auto put = [&out](std::ptrdiff_t v) { *out++ = static_cast<std::int32_t>(v); };
  put(1);
  put(taps);
  put(pixels);
  for (std::ptrdiff_t t = 0; t < taps; ++t) put(t * s.c * s.o);
  for (std::ptrdiff_t tile = 0; tile < pixels; tile += row_block) {
    for (std::ptrdiff_t t = 0; t < taps; ++t) {
      for (std::ptrdiff_t r = 0; r < row_block; ++r) {
        const std::ptrdiff_t p = std::min(tile + r, pixels - 1);
        const std::ptrdiff_t y = p / s.ow * s.stride_h - s.pad_top + t / s.kw * s.dilation_h;
        const std::ptrdiff_t x = p % s.ow * s.stride_w - s.pad_left + t % s.kw * s.dilation_w;
        const bool inside = y >= 0 && y < s.h && x >= 0 && x < s.w;
        put(inside ? (y * s.w + x) * s.x_pixel : -1);
      }
    }
    for (std::ptrdiff_t r = 0; r < row_block; ++r) {
      put(std::min(tile + r, pixels - 1) * s.y_pixel);
    }
  }
}

void build_backward_table(const Conv& s, std::ptrdiff_t row_block, std::int32_t* table) noexcept {
  std::int32_t* out = table + 1;
  table[0] = 0;
  const auto put = [&out](std::ptrdiff_t v) { *out++ = static_cast<std::int32_t>(v); };
  for_classes(s, [&](std::ptrdiff_t phase_h, std::ptrdiff_t phase_w, Positions rows,
                     Positions columns, std::ptrdiff_t taps) {
    const std::ptrdiff_t pixels = rows.count * columns.count;
    const auto for_taps = [&](auto visit) {
      for (std::ptrdiff_t i = 0; i < s.kh; ++i) {
        if (!reaches(phase_h, i, s.dilation_h, s.stride_h)) continue;
        for (std::ptrdiff_t j = 0; j < s.kw; ++j) {
          if (reaches(phase_w, j, s.dilation_w, s.stride_w)) visit(i, j);
        }
      }
    };
    ++table[0];
    put(taps);
    put(pixels);
    for_taps([&](std::ptrdiff_t i, std::ptrdiff_t j) { put((i * s.kw + j) * s.c); });
    for (std::ptrdiff_t tile = 0; tile < pixels; tile += row_block) {
      const auto for_rows = [&](auto visit) {
        for (std::ptrdiff_t r = 0; r < row_block; ++r) {
          const std::ptrdiff_t p = std::min(tile + r, pixels - 1);
          visit(rows.first + p / columns.count * s.stride_h,
                columns.first + p % columns.count * s.stride_w);
        }
      };
      for_taps([&](std::ptrdiff_t i, std::ptrdiff_t j) {
        for_rows([&](std::ptrdiff_t y, std::ptrdiff_t x) {
          const std::ptrdiff_t oy =
              output_position(y, i, s.dilation_h, s.pad_top, s.stride_h, s.oh);
          const std::ptrdiff_t ox =
              output_position(x, j, s.dilation_w, s.pad_left, s.stride_w, s.ow);
          put(oy < 0 || ox < 0 ? -1 : (oy * s.ow + ox) * s.y_pixel);
        });
      });
      for_rows([&](std::ptrdiff_t y, std::ptrdiff_t x) { put((y * s.w + x) * s.x_pixel); });
    }
  });
}

}  // namespace hone
