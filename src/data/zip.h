#pragma once
/// The ZIP container as far as NumPy uses it: stored and deflated entries, ZIP64 sizes.  After
/// PKWARE's APPNOTE 6.3.

#include <cstddef>
#include <cstdint>
#include <istream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <zlib.h>

namespace hone {

/// A file of an archive, as its central directory describes it.
struct ZipEntry {
  std::string name;
  std::uint16_t method = 0;  ///< 0 stored, 8 deflated
  std::uint32_t crc = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t header_offset = 0;
};

/// The entries, in the order of the central directory.  `where` begins every message.  Throws
/// Error (file) unless all of them lie inside the file, have names of their own, and claim no
/// more bytes than deflate can hold in theirs.
std::vector<ZipEntry> read_zip_directory(std::istream& file, const std::string& where);

/// Reads one entry of an archive, or a whole plain file, from its begin to its end.
class EntryReader {
 public:
  EntryReader(std::istream& file, std::uint64_t file_bytes, std::string where);  ///< plain file
  EntryReader(std::istream& archive, const ZipEntry& entry, std::string where);

  const std::string& where() const noexcept { return where_; }
  std::uint64_t remaining() const noexcept { return remaining_; }  ///< unpacked bytes to come
  /// Fills `out`.  Throws Error where the entry ends before or does not unpack.
  void read(std::span<std::byte> out);
  /// Call after the last byte.  Throws Error where bytes are left or the checksum is wrong.
  void finish();

 private:
  struct InflateEnd {
    void operator()(z_stream* z) const noexcept;
  };
  void read_raw(std::span<std::byte> out);
  void inflate_into(std::span<std::byte> out);

  std::istream& file_;
  std::string where_;
  std::uint64_t remaining_;
  std::uint64_t packed_remaining_;
  bool checked_ = false;
  std::uint32_t expected_crc_ = 0;
  std::uint32_t crc_ = 0;
  std::unique_ptr<z_stream, InflateEnd> inflate_;
  std::vector<std::byte> packed_;  // a piece of the deflated stream
};

/// Size of a stream from its begin, which becomes its position.
std::uint64_t stream_bytes(std::istream& file);

}  // namespace hone
