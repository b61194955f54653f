#include "src/data/file_values.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <hone/error.h>

namespace hone {

FileValues::FileValues(const std::filesystem::path& path, std::uint64_t offset)
    : where_(escaped(path.string())),
      offset_(offset),
      file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) {
    fail(ErrorKind::file, where_,
         "expected to read the file: ", std::generic_category().message(errno));
  }
}

FileValues::~FileValues() { ::close(file_); }

void FileValues::read(std::uint64_t begin, std::span<std::byte> to) const {
  std::uint64_t at = offset_ + begin;
  while (!to.empty()) {
    const ssize_t n = ::pread(file_, to.data(), to.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      fail(ErrorKind::file, where_, "expected ", to.size(), " bytes at ", at,
           n == 0 ? ", the file has become shorter"
                  : ", got: " + std::generic_category().message(errno));
    }
    at += static_cast<std::uint64_t>(n);
    to = to.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace hone
