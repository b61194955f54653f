#pragma once
/// The header of an NPY file.

#include <optional>
#include <string>
#include <string_view>

#include <hone/tensor.h>

#include "src/data/zip.h"

namespace hone {

struct NpyHeader {
  DType dtype = DType::none;
  Shape shape;
  bool fortran_order = false;
};

/// Parses the text of the header, a Python dictionary with the keys descr, fortran_order and shape.
NpyHeader parse_npy_header(std::string_view text, const std::string& where);

/// Everything before the values of an array of that type, padded to 64 bytes.  `where` begins the
/// message where NumPy has no such element type.
std::string npy_header(const TensorType& type, const std::string& where);

/// Reads everything before the values, of which `source` has as many bytes left as it takes.
NpyHeader read_npy_header(EntryReader& source);
/// Reads a whole NPY file out of `source`.
Tensor read_npy(EntryReader& source);

}  // namespace hone
