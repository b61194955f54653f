#pragma once
/// Arrays in NumPy's files.  After the NPY format description, versions 1.0 to 3.0; an NPZ is a
/// ZIP archive of NPY files.

#include <cstddef>
#include <filesystem>
#include <istream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hone/tensor.h>

namespace hone {

using Arrays = std::map<std::string, Tensor>;

/// All arrays of an NPZ by name, or those in `keys` when that is not empty (keys that are not there
/// are left out).  bool, int8 to int64, uint8 to uint64, float16/32/64; little-endian; Fortran
/// order is turned into C order; stored or deflated.  Throws Error (file, unsupported) that names
/// the file and the array; reads nothing outside the file and allocates no more than its size can
/// account for.
Arrays read_npz(const std::filesystem::path& path, std::span<const std::string> keys = {});
Arrays read_npz(std::istream& file, const std::string& where,
                std::span<const std::string> keys = {});

/// An array that is stored as float32, row by row, in the file itself.
struct StoredFloats {
  Shape shape;
  std::uint64_t offset = 0;  ///< of its values in the file
};
/// The array `key`, its checksum and that all values are finite checked, if it is stored like that
/// and larger than `least_bytes`.  Throws Error as read_npz does.
std::optional<StoredFloats> find_stored(const std::filesystem::path& path, const std::string& key,
                                        std::size_t least_bytes);

/// The names of the arrays of an NPZ.
std::vector<std::string> npz_keys(const std::filesystem::path& path);

Tensor read_npy(const std::filesystem::path& path);
Tensor read_npy(std::istream& file, const std::string& where);

/// The array `key`.  Throws Error (data) with the keys that are there.
const Tensor& require(const Arrays& arrays, const std::string& key, const std::string& where);

/// Writes a stored NPZ, whole or not at all; the same arrays give the same bytes.  int4 and int2
/// are written as int8, uint4 as uint8.  Throws Error where an element type has no NumPy twin, the
/// archive would need ZIP64, or the disk refuses.
void write_npz(const std::filesystem::path& path, const Arrays& arrays);

}  // namespace hone
