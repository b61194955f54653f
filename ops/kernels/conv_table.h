#pragma once
/// Tables of offsets for the gathering kernels: made once per shape, shared by all images and
/// threads.
///
/// A table is a list of int32: the number of classes, then each class:
///   taps, pixels
///   for each tap, the offset of its first row in B
///   for each tile of `row_block` pixels: for each tap, row_block offsets into A, -1 for a tap
///   outside of the image; then row_block offsets into C.  Rows past the last pixel repeat it.
/// Forward has one class; backward has one for each remainder of the input position by the stride,
/// because it decides which taps reach it.

#include <cstddef>
#include <cstdint>

#include "ops/kernels/table.h"

namespace hone {

/// Whether every offset of the convolution fits 32 bits; where not, use direct_conv.h.
bool fits_conv_table(const Conv& shape) noexcept;

/// Elements of the table, and tiles that its products may be split by.
std::size_t forward_table_size(const Conv& shape, std::ptrdiff_t row_block) noexcept;
std::size_t backward_table_size(const Conv& shape, std::ptrdiff_t row_block) noexcept;
std::ptrdiff_t forward_tiles(const Conv& shape, std::ptrdiff_t row_block) noexcept;
std::ptrdiff_t backward_tiles(const Conv& shape, std::ptrdiff_t row_block) noexcept;

/// Fill `table`, of as many elements as the size function says.
void build_forward_table(const Conv& shape, std::ptrdiff_t row_block, std::int32_t* table) noexcept;
void build_backward_table(const Conv& shape, std::ptrdiff_t row_block,
                          std::int32_t* table) noexcept;

}  // namespace hone
