#include "src/tflite/archive.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <hone/error.h>

namespace hone::file {
namespace {

// PKWARE, APPNOTE.TXT sections 4.3.7, 4.3.12 and 4.3.16; all numbers are little-endian.
constexpr std::uint32_t local_signature = 0x04034b50, entry_signature = 0x02014b50,
                        end_signature = 0x06054b50;
constexpr std::size_t entry_bytes = 46, end_bytes = 22, longest_comment = 65'535;

template <class T>
T read(std::span<const std::byte> file, std::size_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}

struct Archive {
  std::size_t end = 0;      // position of the end record
  std::size_t entries = 0;  // position of the first entry of the directory
  std::size_t count = 0;
  std::size_t base = 0;  // what offsets in the archive are relative to
};

std::optional<Archive> archive_ending_at(std::span<const std::byte> file, std::size_t end) {
  if (read<std::uint32_t>(file, end) != end_signature) return {};
  if (end + end_bytes + read<std::uint16_t>(file, end + 20) != file.size()) return {};
  const std::size_t size = read<std::uint32_t>(file, end + 12);
  const std::size_t offset = read<std::uint32_t>(file, end + 16);
  if (size == UINT32_MAX || offset == UINT32_MAX) {
    fail(ErrorKind::unsupported, "archive",
         "expected an appended archive below 4 GB, got a larger");
  }
  if (size > end || offset > end - size) return {};
  return Archive{end, end - size, read<std::uint16_t>(file, end + 10), end - size - offset};
}

std::optional<Archive> find_archive(std::span<const std::byte> file) {
  if (file.size() < end_bytes) return {};
  const std::size_t last = file.size() - end_bytes;
  for (std::size_t back = 0; back <= std::min(last, longest_comment); ++back) {
    if (const auto archive = archive_ending_at(file, last - back)) return archive;
  }
  return {};
}

// Calls `visit` with the position of each entry; false where the directory is not one.
bool for_each_entry(std::span<const std::byte> file, const Archive& archive, auto&& visit) {
  std::size_t at = archive.entries;
  for (std::size_t i = 0; i < archive.count; ++i) {
    if (archive.end - at < entry_bytes || read<std::uint32_t>(file, at) != entry_signature) {
      return false;
    }
    const std::size_t size = entry_bytes + read<std::uint16_t>(file, at + 28) +
                             read<std::uint16_t>(file, at + 30) +
                             read<std::uint16_t>(file, at + 32);
    if (size > archive.end - at) return false;
    visit(at);
    at += size;
  }
  return true;
}

}  // namespace

std::size_t archive_start(std::span<const std::byte> file) {
  const auto archive = find_archive(file);
  if (!archive) return file.size();
  std::size_t start = archive->entries;
  const bool whole = for_each_entry(file, *archive, [&](std::size_t at) {
    start = std::min(start, archive->base + read<std::uint32_t>(file, at + 42));
  });
  const bool files = start < archive->entries;
  const bool good = whole && (!files || read<std::uint32_t>(file, start) == local_signature);
  return good ? start : file.size();
}

void move_archive(std::span<std::byte> file, std::uint64_t distance) {
  auto archive = find_archive(file);
  if (!archive || distance == 0) return;
  // relative to its own start, not to that of the file: nothing changes
  if (archive->base != distance) return;
  const auto shift = [&](std::size_t at) {
    const std::uint64_t moved = read<std::uint32_t>(file, at) + distance;
    if (moved >= UINT32_MAX) {
      fail(ErrorKind::unsupported, "archive", "expected an archive below 4 GB, got a larger");
    }
    const auto value = static_cast<std::uint32_t>(moved);
    std::memcpy(file.data() + at, &value, sizeof value);
  };
  for_each_entry(file, *archive, [&](std::size_t at) { shift(at + 42); });
  shift(archive->end + 16);
}

}  // namespace hone::file
