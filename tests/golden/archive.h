#pragma once
/// A ZIP of recorded results, as the scripts in this folder write them.

#include <cstddef>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "src/data/npz.h"
#include "src/data/zip.h"

namespace hone::tests {

class Archive {
 public:
  explicit Archive(const std::string& path);

  bool has(const std::string& entry) const { return entries_.contains(entry); }
  std::vector<std::byte> bytes(const std::string& entry);
  Arrays arrays(const std::string& entry);  ///< of an entry that is an NPZ

 private:
  std::ifstream file_;
  std::map<std::string, ZipEntry> entries_;
};

}  // namespace hone::tests
