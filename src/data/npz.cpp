#include "src/data/npz.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>

#include <hone/error.h>

#include "src/data/npy.h"
#include "src/data/zip.h"
#include "src/tflite/atomic_file.h"

namespace hone {
namespace {

std::ifstream open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    fail(ErrorKind::file, escaped(path.string()), "expected a file, got a folder");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorKind::file, escaped(path.string()), "cannot open the file");
  return file;
}

std::string key_of(const ZipEntry& entry) {
  std::string key = entry.name;
  if (key.ends_with(".npy")) key.resize(key.size() - 4);
  return key;
}

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

/// What the local header and the directory say in common, from the version to the lengths.
void put_common(std::string& out, std::uint32_t crc, std::size_t bytes, std::size_t name) {
  put(out, 20, 2);    // version needed: 2.0
  put(out, 0, 2);     // flags
  put(out, 0, 2);     // stored
  put(out, 0, 2);     // midnight
  put(out, 0x21, 2);  // of the first of January 1980: no clock in the bytes
  put(out, crc, 4);
  put(out, bytes, 4);
  put(out, bytes, 4);
  put(out, name, 2);
  put(out, 0, 2);  // extra field
}

}  // namespace

Arrays read_npz(std::istream& file, const std::string& where, std::span<const std::string> keys) {
  Arrays arrays;
  for (const ZipEntry& entry : read_zip_directory(file, where)) {
    const std::string key = key_of(entry);
    if (!keys.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) continue;
    EntryReader source(file, entry, where + ": " + escaped(key));
    if (!arrays.emplace(key, read_npy(source)).second) {
      fail(ErrorKind::file, where, "two arrays are called \"", escaped(key), '"');
    }
  }
  return arrays;
}

Arrays read_npz(const std::filesystem::path& path, std::span<const std::string> keys) {
  std::ifstream file = open(path);
  return read_npz(file, escaped(path.string()), keys);
}

namespace {

/// Reads all values in pieces.
void check_floats(EntryReader& source, std::size_t each) {
  std::vector<float> piece(std::size_t{1} << 14);
  for (std::size_t at = 0; source.remaining() > 0;) {
    const auto n = std::min<std::size_t>(piece.size(), source.remaining() / sizeof(float));
    source.read(std::as_writable_bytes(std::span(piece).first(n)));
    for (std::size_t i = 0; i < n; ++i, ++at) {
      if (std::isfinite(piece[i])) continue;
      fail(ErrorKind::data, source.where(), "expected finite numbers, got ", piece[i],
           " in sample ", at / each, " at ", at % each);
    }
  }
  source.finish();
}

}  // namespace

std::optional<StoredFloats> find_stored(const std::filesystem::path& path, const std::string& key,
                                        std::size_t least_bytes) {
  std::ifstream file = open(path);
  const std::string where = escaped(path.string());
  for (const ZipEntry& entry : read_zip_directory(file, where)) {
    if (key_of(entry) != key || entry.method != 0 || entry.bytes <= least_bytes) continue;
    EntryReader source(file, entry, where + ": " + escaped(key));
    const NpyHeader header = read_npy_header(source);
    const bool rows = !header.fortran_order || header.shape.rank() < 2;
    if (header.dtype != DType::float32 || !rows || header.shape.rank() == 0) return std::nullopt;
    const StoredFloats stored{header.shape, static_cast<std::uint64_t>(file.tellg())};
    check_floats(source, header.shape.numel() / static_cast<std::size_t>(header.shape[0]));
    return stored;
  }
  return std::nullopt;
}

std::vector<std::string> npz_keys(const std::filesystem::path& path) {
  std::ifstream file = open(path);
  std::vector<std::string> keys;
  for (const ZipEntry& entry : read_zip_directory(file, escaped(path.string()))) {
    keys.push_back(key_of(entry));
  }
  return keys;
}

Tensor read_npy(std::istream& file, const std::string& where) {
  EntryReader source(file, stream_bytes(file), where);
  return read_npy(source);
}

Tensor read_npy(const std::filesystem::path& path) {
  std::ifstream file = open(path);
  return read_npy(file, escaped(path.string()));
}

const Tensor& require(const Arrays& arrays, const std::string& key, const std::string& where) {
  const auto it = arrays.find(key);
  if (it != arrays.end()) return it->second;
  std::string keys;
  for (const auto& [k, v] : arrays) (keys += keys.empty() ? "" : ", ") += escaped(k);
  fail(ErrorKind::data, where, "expected an array \"", escaped(key), "\", got ",
       keys.empty() ? "none" : keys);
}

void write_npz(const std::filesystem::path& path, const Arrays& arrays) {
  const std::string where = escaped(path.string());
  std::vector<std::string> headers;  // a local header and an NPY header for each array
  std::string directory;
  std::uint64_t offset = 0;
  headers.reserve(arrays.size());
  for (const auto& [key, values] : arrays) {
    const std::string name = key + ".npy";
    const std::string npy = npy_header(values.type(), where + ": " + escaped(key));
    const std::uint64_t bytes = npy.size() + values.bytes();
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max() - 1;
    if (bytes > most || offset > most || arrays.size() > 0xfffe || name.size() > 0xffff) {
      fail(ErrorKind::unsupported, where, "expected an archive below 4 GiB and 65,535 arrays");
    }
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(npy.data()), npy.size());
    if (values.bytes() > 0) {  // zlib takes a null pointer as a wish to start over
      crc = crc32_z(crc, reinterpret_cast<const Bytef*>(values.raw()), values.bytes());
    }
    std::string& header = headers.emplace_back();
    put(header, 0x04034b50, 4);
    put_common(header, static_cast<std::uint32_t>(crc), bytes, name.size());
    header += name;

    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);  // made by 2.0
    put_common(directory, static_cast<std::uint32_t>(crc), bytes, name.size());
    directory.append(10, '\0');  // comment, disk, attributes
    put(directory, offset, 4);
    directory += name;
    offset += header.size() + bytes;
    header += npy;
  }
  std::string end;
  put(end, 0x06054b50, 4);
  put(end, 0, 4);  // disks
  put(end, arrays.size(), 2);
  put(end, arrays.size(), 2);
  put(end, directory.size(), 4);
  put(end, offset, 4);
  put(end, 0, 2);  // comment

  std::vector<std::span<const std::byte>> pieces;
  std::size_t i = 0;
  for (const auto& [key, values] : arrays) {
    pieces.push_back(std::as_bytes(std::span(headers[i++])));
    pieces.emplace_back(values.raw(), values.bytes());
  }
  pieces.push_back(std::as_bytes(std::span(directory)));
  pieces.push_back(std::as_bytes(std::span(end)));
  write_file(path, pieces);
}

}  // namespace hone
