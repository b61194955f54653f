#pragma once
/// How the elements of a tensor are stored in a file.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <hone/tensor.h>

namespace hone::file {

/// Bits of one element in the file; 0 where there is no fixed size (strings, resources, variants).
unsigned packed_bits(DType dtype) noexcept;

/// Bytes of `numel` elements in the file.
std::uint64_t packed_bytes(DType dtype, std::uint64_t numel) noexcept;

/// int4, uint4 and int2 from the lowest bits up, to one byte an element; `values.size()` elements.
void unpack(DType dtype, std::span<const std::byte> packed, std::span<std::byte> values) noexcept;

/// The reverse; the bits after the last element are 0.  Other types: a copy.
std::vector<std::byte> pack(DType dtype, std::span<const std::byte> values);

}  // namespace hone::file
