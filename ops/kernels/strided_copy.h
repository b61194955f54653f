#pragma once
/// Copies between two arrays of which each is walked with strides of its own: all that TRANSPOSE,
/// SLICE, STRIDED_SLICE, PAD, and their backwards do.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/kernels/table.h"

namespace hone {

/// For every index (i0, i1, ...) below the counts: element source + sum of i * from of one array
/// goes to element target + sum of i * to of another.  Counted in elements; strides may be
/// negative.
struct StridedCopy {
  struct Loop {
    std::int64_t count, from, to;
  };
  static constexpr std::size_t max_loops = 8;

  std::array<Loop, max_loops> loops{};  // outermost first
  std::size_t loop_count = 0;
  std::int64_t source = 0, target = 0;
  /// Of kernels(), for rows that become columns; null: a plain loop.
  void (*transpose)(const Transpose&) noexcept = nullptr;

  /// Adds an innermost loop; one that runs on from the loop around it becomes part of that.  No
  /// more than 8 may remain.
  void add(std::int64_t count, std::int64_t from, std::int64_t to) noexcept;
  /// The way back, from target to source.
  StridedCopy reversed() const noexcept;
  /// Whether there is nothing to copy.
  bool empty() const noexcept;
};

/// `element_bytes` is 1, 2, 4, 8 or 16.  The arrays do not overlap.
void strided_copy(const StridedCopy& copy, std::size_t element_bytes, const std::byte* from,
                  std::byte* to) noexcept;

}  // namespace hone
