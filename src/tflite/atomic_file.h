#pragma once
/// Files that are written whole or not at all.

#include <cstddef>
#include <filesystem>
#include <span>

namespace hone {

/// Makes or replaces the file `path` with `pieces`, one after the other: a temporary file beside
/// it, fsync, rename, fsync of the folder.  A link is followed, permissions are kept.  What is no
/// regular file (a device, a pipe) is written to directly.  Throws Error (file) where the target
/// is read-only or a folder, or the disk is full; the old file is then as it was.
void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces);

/// Throws the Error that write_file() would, as far as it can be known beforehand: before hours of
/// work go into what cannot be written.
void check_writable(const std::filesystem::path& path);

}  // namespace hone
