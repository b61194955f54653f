#include <string>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/npz.h"

namespace hone {

Dataset npz(const std::filesystem::path& path, const NpzOptions& options) {
  const std::string where = escaped(path.string());
  const std::string keys[] = {options.x, options.y};
  const Arrays arrays = read_npz(path, keys);
  if (!arrays.contains(options.x)) {
    std::string found;
    for (const std::string& key : npz_keys(path)) (found += found.empty() ? "" : ", ") += key;
    fail(ErrorKind::data, where, "expected an array \"", escaped(options.x), "\", got ",
         found.empty() ? "none" : escaped(found));
  }
  const auto y = arrays.find(options.y);
  try {
    Dataset data(arrays.at(options.x), y == arrays.end() ? Tensor() : y->second, options.classes);
    data.require_classes(options.min_classes, where);
    return data;
  } catch (const Error& e) {
    if (e.where() == where) throw;
    fail(e.kind(), where, e.message());  // what is wrong, and in which file
  }
}

}  // namespace hone
