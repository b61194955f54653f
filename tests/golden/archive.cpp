#include "tests/golden/archive.h"

#include <sstream>

namespace hone::tests {

Archive::Archive(const std::string& path) : file_(path, std::ios::binary) {
  if (!file_) fail(ErrorKind::file, path, "expected a file that can be read");
  for (ZipEntry& entry : read_zip_directory(file_, path)) {
    std::string name = entry.name;
    entries_.emplace(std::move(name), std::move(entry));
  }
}

std::vector<std::byte> Archive::bytes(const std::string& entry) {
  const auto found = entries_.find(entry);
  if (found == entries_.end()) fail(ErrorKind::data, entry, "expected it in the archive");
  EntryReader reader(file_, found->second, entry);
  std::vector<std::byte> content(reader.remaining());
  reader.read(content);
  reader.finish();
  return content;
}

Arrays Archive::arrays(const std::string& entry) {
  const std::vector<std::byte> content = bytes(entry);
  std::istringstream stream(
      std::string(reinterpret_cast<const char*>(content.data()), content.size()));
  return read_npz(stream, entry);
}

}  // namespace hone::tests
