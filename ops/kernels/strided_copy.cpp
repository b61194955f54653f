#include "ops/kernels/strided_copy.h"

#include <algorithm>
#include <cstring>

namespace hone {
namespace {

using Loop = StridedCopy::Loop;

template <std::size_t Size>
void copy_line(const Loop& line, const std::byte* from, std::byte* to) noexcept {
  constexpr auto size = static_cast<std::int64_t>(Size);
  if (line.from == 1 && line.to == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(line.count) * Size);
    return;
  }
  for (std::int64_t i = 0; i < line.count; ++i) {
    std::memcpy(to + i * line.to * size, from + i * line.from * size, Size);
  }
}

/// Two loops, in tiles, so that neither side leaves the cache where the other one runs on.
template <std::size_t Size>
void copy_plane(const Loop& outer, const Loop& inner, const std::byte* from,
                std::byte* to) noexcept {
  constexpr auto size = static_cast<std::int64_t>(Size);
  constexpr std::int64_t tile = 16;
  const bool runs = inner.from == 1 && inner.to == 1;
  const std::int64_t width = runs ? inner.count : tile;
  for (std::int64_t begin = 0; begin < inner.count; begin += width) {
    const Loop line{std::min(width, inner.count - begin), inner.from, inner.to};
    const std::byte* x = from + begin * inner.from * size;
    std::byte* y = to + begin * inner.to * size;
    for (std::int64_t i = 0; i < outer.count; ++i) {
      copy_line<Size>(line, x + i * outer.from * size, y + i * outer.to * size);
    }
  }
}

/// Two loops over 4-byte elements of which each runs on at one side: rows become columns.
bool transposes(const StridedCopy& c, const Loop& outer, const Loop& inner) noexcept {
  return c.transpose && ((outer.from == 1 && inner.to == 1) || (outer.to == 1 && inner.from == 1));
}

void transpose_plane(const StridedCopy& c, const Loop& outer, const Loop& inner,
                     const std::byte* from, std::byte* to) noexcept {
  const bool inner_rows = outer.from == 1;
  const Loop &rows = inner_rows ? inner : outer, &columns = inner_rows ? outer : inner;
  c.transpose({.rows = rows.count,
               .columns = columns.count,
               .from = reinterpret_cast<const float*>(from),
               .from_row = rows.from,
               .to = reinterpret_cast<float*>(to),
               .to_row = columns.to});
}

template <std::size_t Size>
void copy_all(const StridedCopy& c, const std::byte* from, std::byte* to) noexcept {
  constexpr auto size = static_cast<std::int64_t>(Size);
  from += c.source * size;
  to += c.target * size;
  if (c.empty()) return;
  constexpr Loop once{1, 0, 0};
  const std::size_t n = c.loop_count;
  const Loop& inner = n > 0 ? c.loops[n - 1] : once;
  const Loop& middle = n > 1 ? c.loops[n - 2] : once;
  const std::size_t outer_loops = n > 2 ? n - 2 : 0;
  std::array<std::int64_t, StridedCopy::max_loops> at{};
  const bool planes = Size == sizeof(float) && transposes(c, middle, inner);
  for (;;) {
    if (planes) {
      transpose_plane(c, middle, inner, from, to);
    } else {
      copy_plane<Size>(middle, inner, from, to);
    }
    std::size_t k = outer_loops;
    for (; k > 0; --k) {  // an odometer: the innermost of the outer loops turns fastest
      const Loop& loop = c.loops[k - 1];
      from += loop.from * size;
      to += loop.to * size;
      if (++at[k - 1] < loop.count) break;
      from -= loop.count * loop.from * size;
      to -= loop.count * loop.to * size;
      at[k - 1] = 0;
    }
    if (k == 0) return;
  }
}

}  // namespace

void StridedCopy::add(std::int64_t count, std::int64_t from, std::int64_t to) noexcept {
  if (count == 1) return;
  if (loop_count > 0) {
    Loop& around = loops[loop_count - 1];
    if (around.from == count * from && around.to == count * to) {
      around = {around.count * count, from, to};
      return;
    }
  }
  loops[loop_count++] = {count, from, to};
}

StridedCopy StridedCopy::reversed() const noexcept {
  StridedCopy back = *this;
  for (Loop& loop : back.loops) std::swap(loop.from, loop.to);
  std::swap(back.source, back.target);
  return back;
}

bool StridedCopy::empty() const noexcept {
  return std::any_of(loops.begin(), loops.begin() + static_cast<std::ptrdiff_t>(loop_count),
                     [](const Loop& loop) { return loop.count <= 0; });
}

void strided_copy(const StridedCopy& copy, std::size_t element_bytes, const std::byte* from,
                  std::byte* to) noexcept {
  switch (element_bytes) {
    case 1:
      return copy_all<1>(copy, from, to);
    case 2:
      return copy_all<2>(copy, from, to);
    case 4:
      return copy_all<4>(copy, from, to);
    case 8:
      return copy_all<8>(copy, from, to);
    default:
      return copy_all<16>(copy, from, to);
  }
}

}  // namespace hone
