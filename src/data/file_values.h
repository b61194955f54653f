#pragma once
/// Values that stay in their file and are read when they are needed.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace hone {

class FileValues {
 public:
  /// Those from `offset` on.  Throws Error (file) where the file cannot be opened.
  FileValues(const std::filesystem::path& path, std::uint64_t offset);
  ~FileValues();
  FileValues(const FileValues&) = delete;
  FileValues& operator=(const FileValues&) = delete;

  /// Fills `to` from byte `begin` of the values on.  Throws Error (file) where the file has become
  /// shorter or cannot be read.
  void read(std::uint64_t begin, std::span<std::byte> to) const;

 private:
  std::string where_;
  std::uint64_t offset_;
  int file_;
};

}  // namespace hone
