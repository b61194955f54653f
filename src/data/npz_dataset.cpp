#include <string>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/npz.h"
#include "src/data/sources.h"

namespace hone {

namespace {

/// What `make` gives, checked; errors say in which file.
template <class F>
Dataset named(const std::string& where, const NpzOptions& options, F&& make) {
  try {
    Dataset data = make();
    data.require_classes(options.min_classes, where);
    return data;
  } catch (const Error& e) {
    if (e.where() == where) throw;
    fail(e.kind(), where, e.message());
  }
}

Dataset in_file(const std::filesystem::path& path, const StoredFloats& x,
                const NpzOptions& options) {
  const std::string keys[] = {options.y};
  const Arrays arrays = read_npz(path, keys);
  const auto y = arrays.find(options.y);
  return named(escaped(path.string()), options, [&] {
    const auto sources = sources_of(TensorType(DType::float32, x.shape),
                                    y == arrays.end() ? Tensor() : y->second, options.classes);
    sources->file = std::make_shared<const FileValues>(path, x.offset);
    return Dataset(sources);
  });
}

}  // namespace

Dataset npz(const std::filesystem::path& path, const NpzOptions& options) {
  const std::string where = escaped(path.string());
  if (const auto stored = find_stored(path, options.x, options.most_bytes))
    return in_file(path, *stored, options);
  const std::string keys[] = {options.x, options.y};
  const Arrays arrays = read_npz(path, keys);
  if (!arrays.contains(options.x)) {
    std::string found;
    for (const std::string& key : npz_keys(path)) (found += found.empty() ? "" : ", ") += key;
    fail(ErrorKind::data, where, "expected an array \"", escaped(options.x), "\", got ",
         found.empty() ? "none" : escaped(found));
  }
  const auto y = arrays.find(options.y);
  return named(where, options, [&] {
    return Dataset(arrays.at(options.x), y == arrays.end() ? Tensor() : y->second, options.classes);
  });
}

}  // namespace hone
