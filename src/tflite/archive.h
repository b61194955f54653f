#pragma once
/// The ZIP archive that some files carry after the FlatBuffer: labels and other associated files.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <cstddef>
#include <cstdint>
#include <span>

namespace hone::file {

/// Where the archive begins, which ends the FlatBuffer; the size of the file where there is none.
/// Throws Error (unsupported) for an archive above 4 GB.
std::size_t archive_start(std::span<const std::byte> file);

/// Corrects the offsets in an archive that has moved `distance` bytes further into its file.
/// `file` is the whole file after the move.
void move_archive(std::span<std::byte> file, std::uint64_t distance);

}  // namespace hone::file
