#include "tests/ops/cases.h"

#include <sstream>

namespace hone::tests {

Cases::Cases(const std::string& path) : file_(path, std::ios::binary) {
  if (!file_) fail(ErrorKind::file, path, "expected a file that can be read");
  for (ZipEntry& entry : read_zip_directory(file_, path)) {
    std::string name = entry.name;
    entries_.emplace(std::move(name), std::move(entry));
  }
  const std::vector<std::byte> text = bytes("cases.txt");
  std::istringstream lines(std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  std::string line;
  std::getline(lines, line);  // the interpreter's version
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    Case c;
    std::getline(fields, c.name, '\t');
    std::getline(fields, c.kind, '\t');
    std::getline(fields, c.flavour, '\t');
    std::getline(fields, c.caution, '\t');
    if (c.caution == "-") c.caution.clear();
    c.op = c.name.substr(0, c.name.find('/'));
    cases_.push_back(std::move(c));
  }
}

std::vector<std::byte> Cases::bytes(const std::string& entry) {
  const auto found = entries_.find(entry);
  if (found == entries_.end()) fail(ErrorKind::data, entry, "expected it in the archive");
  EntryReader reader(file_, found->second, entry);
  std::vector<std::byte> content(reader.remaining());
  reader.read(content);
  reader.finish();
  return content;
}

Arrays Cases::arrays(const std::string& entry) {
  const std::vector<std::byte> content = bytes(entry);
  std::istringstream stream(
      std::string(reinterpret_cast<const char*>(content.data()), content.size()));
  return read_npz(stream, entry);
}

}  // namespace hone::tests
