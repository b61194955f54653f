#include "src/data/zip.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <hone/error.h>

namespace hone {
namespace {

constexpr std::uint32_t end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator64_signature = 0x07064b50, entry_signature = 0x02014b50,
                        local_signature = 0x04034b50;
constexpr std::size_t end_bytes = 22, end64_bytes = 56, locator64_bytes = 20, entry_bytes = 46,
                      local_bytes = 30;

/// Little-endian numbers out of bytes that are known to be there.
template <class T>
T field(std::span<const std::byte> bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[offset + i]) << (8 * i)));
  }
  return value;
}

bool read_at(std::istream& file, std::uint64_t offset, std::span<std::byte> out) {
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  return file.good() && static_cast<std::size_t>(file.gcount()) == out.size();
}

struct Directory {
  std::uint64_t entries, bytes, offset;
};

Directory find_directory(std::istream& file, std::uint64_t file_bytes, const std::string& where) {
  // the end record is the last thing in the file but for a comment of at most 65,535 bytes
  const std::uint64_t tail = std::min<std::uint64_t>(file_bytes, end_bytes + 0xffff);
  std::vector<std::byte> bytes(tail);
  if (tail < end_bytes || !read_at(file, file_bytes - tail, bytes)) {
    fail(ErrorKind::file, where, "expected a ZIP archive, got ", file_bytes, " bytes");
  }
  std::size_t end = tail - end_bytes;
  while (field<std::uint32_t>(bytes, end) != end_signature) {
    if (end == 0) fail(ErrorKind::file, where, "expected a ZIP archive, got no end record");
    --end;
  }
  const std::span<const std::byte> record = std::span(bytes).subspan(end, end_bytes);
  Directory d{field<std::uint16_t>(record, 10), field<std::uint32_t>(record, 12),
              field<std::uint32_t>(record, 16)};
  const bool big = d.entries == 0xffff || d.bytes == 0xffffffff || d.offset == 0xffffffff;
  std::array<std::byte, locator64_bytes> locator;
  const std::uint64_t end_offset = file_bytes - tail + end;
  if (big && end_offset >= locator64_bytes &&
      read_at(file, end_offset - locator64_bytes, locator) &&
      field<std::uint32_t>(locator, 0) == locator64_signature) {
    std::array<std::byte, end64_bytes> end64;
    const auto at = field<std::uint64_t>(locator, 8);
    if (at > file_bytes || !read_at(file, at, end64) ||
        field<std::uint32_t>(end64, 0) != end64_signature) {
      fail(ErrorKind::file, where, "expected a ZIP64 end record at offset ", at);
    }
    d = {field<std::uint64_t>(end64, 32), field<std::uint64_t>(end64, 40),
         field<std::uint64_t>(end64, 48)};
  }
  if (d.offset > file_bytes || d.bytes > file_bytes - d.offset ||
      d.entries > d.bytes / entry_bytes) {
    fail(ErrorKind::file, where, "expected a directory inside the ", file_bytes, " bytes, got ",
         d.entries, " entries in ", d.bytes, " bytes at offset ", d.offset);
  }
  return d;
}

/// Sizes and offsets of 32 one bits stand in the ZIP64 extra field, in this order.
void read_zip64_extra(std::span<const std::byte> extra, ZipEntry& entry, const std::string& where) {
  while (extra.size() >= 4) {
    const auto id = field<std::uint16_t>(extra, 0);
    const std::size_t bytes = field<std::uint16_t>(extra, 2);
    if (bytes > extra.size() - 4) break;
    std::span<const std::byte> values = extra.subspan(4, bytes);
    extra = extra.subspan(4 + bytes);
    if (id != 1) continue;
    for (std::uint64_t* value : {&entry.bytes, &entry.packed_bytes, &entry.header_offset}) {
      if (*value != 0xffffffff) continue;
      if (values.size() < 8) {
        fail(ErrorKind::file, where, "expected a ZIP64 size of 8 bytes, got ", values.size());
      }
      *value = field<std::uint64_t>(values, 0);
      values = values.subspan(8);
    }
    return;
  }
}

void check_entry(const ZipEntry& e, std::uint64_t file_bytes, const std::string& where) {
  const std::string at = where + ": " + escaped(e.name);
  if (e.method != 0 && e.method != 8) {
    fail(ErrorKind::unsupported, at, "expected a stored or deflated entry, got method ", e.method);
  }
  if (e.header_offset > file_bytes || e.packed_bytes > file_bytes - e.header_offset) {
    fail(ErrorKind::file, at, "expected ", e.packed_bytes, " bytes at offset ", e.header_offset,
         ", the file has ", file_bytes);
  }
  // deflate cannot do better than 1032:1 (zlib's technical details): more is not to be allocated
  const std::uint64_t most = e.method == 0 ? e.packed_bytes : e.packed_bytes * 1032;
  if (e.bytes > most || (e.method == 0 && e.bytes != e.packed_bytes)) {
    fail(ErrorKind::file, at, "expected at most ", most, " bytes out of ", e.packed_bytes,
         ", got a claim of ", e.bytes);
  }
}

}  // namespace

std::uint64_t stream_bytes(std::istream& file) {
  file.clear();
  file.seekg(0, std::ios::end);
  const std::streamoff end = file.tellg();
  file.seekg(0);
  return end < 0 ? 0 : static_cast<std::uint64_t>(end);
}

std::vector<ZipEntry> read_zip_directory(std::istream& file, const std::string& where) {
  const std::uint64_t file_bytes = stream_bytes(file);
  const Directory directory = find_directory(file, file_bytes, where);
  std::vector<std::byte> bytes(directory.bytes);
  if (!bytes.empty() && !read_at(file, directory.offset, bytes)) {
    fail(ErrorKind::file, where, "cannot read the directory of the archive");
  }
  std::vector<ZipEntry> entries;
  std::set<std::string_view> names;
  std::span<const std::byte> rest(bytes);
  std::uint64_t packed = 0;
  entries.reserve(directory.entries);
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (rest.size() < entry_bytes || field<std::uint32_t>(rest, 0) != entry_signature) {
      fail(ErrorKind::file, where, "expected ", directory.entries, " entries, got ", i);
    }
    const std::size_t name = field<std::uint16_t>(rest, 28);
    const std::size_t extra = field<std::uint16_t>(rest, 30);
    const std::size_t comment = field<std::uint16_t>(rest, 32);
    if (name + extra + comment > rest.size() - entry_bytes) {
      fail(ErrorKind::file, where, "entry ", i, " ends outside the directory");
    }
    if ((field<std::uint16_t>(rest, 8) & 1) != 0) {
      fail(ErrorKind::unsupported, where, "entry ", i, " is encrypted");
    }
    ZipEntry e{.name = std::string(reinterpret_cast<const char*>(rest.data()) + entry_bytes, name),
               .method = field<std::uint16_t>(rest, 10),
               .crc = field<std::uint32_t>(rest, 16),
               .packed_bytes = field<std::uint32_t>(rest, 20),
               .bytes = field<std::uint32_t>(rest, 24),
               .header_offset = field<std::uint32_t>(rest, 42)};
    read_zip64_extra(rest.subspan(entry_bytes + name, extra), e, where);
    rest = rest.subspan(entry_bytes + name + extra + comment);
    check_entry(e, file_bytes, where);
    packed += e.packed_bytes;
    if (packed > file_bytes) fail(ErrorKind::file, where, "the entries overlap");
    entries.push_back(std::move(e));
    if (!names.insert(entries.back().name).second) {  // reserved above: the names stay in place
      fail(ErrorKind::file, where, "two entries are called \"", escaped(entries.back().name), '"');
    }
  }
  return entries;
}

void EntryReader::InflateEnd::operator()(z_stream* z) const noexcept {
  inflateEnd(z);
  delete z;
}

EntryReader::EntryReader(std::istream& file, std::uint64_t file_bytes, std::string where)
    : file_(file),
      where_(std::move(where)),
      remaining_(file_bytes),
      packed_remaining_(file_bytes) {}

EntryReader::EntryReader(std::istream& archive, const ZipEntry& entry, std::string where)
    : file_(archive),
      where_(std::move(where)),
      remaining_(entry.bytes),
      packed_remaining_(entry.packed_bytes),
      checked_(true),
      expected_crc_(entry.crc),
      crc_(static_cast<std::uint32_t>(crc32_z(0, nullptr, 0))) {
  std::array<std::byte, local_bytes> header;
  if (!read_at(archive, entry.header_offset, header) ||
      field<std::uint32_t>(header, 0) != local_signature) {
    fail(ErrorKind::file, where_, "expected an entry at offset ", entry.header_offset);
  }
  file_.seekg(field<std::uint16_t>(header, 26) + field<std::uint16_t>(header, 28), std::ios::cur);
  if (entry.method == 0) return;
  auto z = std::make_unique<z_stream>();
  *z = {};
  if (inflateInit2(z.get(), -MAX_WBITS) != Z_OK) {
    fail(ErrorKind::memory, where_, "cannot start to inflate");
  }
  inflate_.reset(z.release());
  packed_.resize(std::min<std::uint64_t>(packed_remaining_, 1 << 16));
}

void EntryReader::read_raw(std::span<std::byte> out) {
  file_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (out.size() > packed_remaining_ || static_cast<std::size_t>(file_.gcount()) != out.size()) {
    fail(ErrorKind::file, where_, "expected ", out.size(), " bytes more, the file ends");
  }
  packed_remaining_ -= out.size();
}

void EntryReader::inflate_into(std::span<std::byte> out) {
  while (!out.empty()) {
    if (inflate_->avail_in == 0 && packed_remaining_ > 0) {
      const auto n = std::min<std::uint64_t>(packed_remaining_, packed_.size());
      read_raw(std::span(packed_).first(n));
      inflate_->next_in = reinterpret_cast<Bytef*>(packed_.data());
      inflate_->avail_in = static_cast<uInt>(n);
    }
    const std::size_t room = std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max());
    inflate_->next_out = reinterpret_cast<Bytef*>(out.data());
    inflate_->avail_out = static_cast<uInt>(room);
    const int status = inflate(inflate_.get(), Z_NO_FLUSH);
    const std::size_t done = room - inflate_->avail_out;
    out = out.subspan(done);
    // Z_STREAM_END is fine when it came with the last byte wanted
    if (status != Z_OK && !(status == Z_STREAM_END && out.empty())) {
      fail(ErrorKind::file, where_, "cannot inflate: ", out.size(), " bytes before the end, zlib ",
           status, inflate_->msg == nullptr ? "" : ", ",
           inflate_->msg == nullptr ? "" : inflate_->msg);
    }
  }
}

void EntryReader::read(std::span<std::byte> out) {
  if (out.empty()) return;
  if (out.size() > remaining_) {
    fail(ErrorKind::file, where_, "expected ", out.size(), " bytes more, got ", remaining_);
  }
  if (inflate_) {
    inflate_into(out);
  } else {
    read_raw(out);
  }
  remaining_ -= out.size();
  if (!checked_) return;
  crc_ = static_cast<std::uint32_t>(
      crc32_z(crc_, reinterpret_cast<const Bytef*>(out.data()), out.size()));
}

void EntryReader::finish() {
  if (remaining_ != 0) fail(ErrorKind::file, where_, remaining_, " bytes after the values");
  if (checked_ && crc_ != expected_crc_) {
    fail(ErrorKind::file, where_, "expected checksum ", expected_crc_, ", got ", crc_);
  }
}

}  // namespace hone
