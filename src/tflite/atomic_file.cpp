#include "src/tflite/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <hone/error.h>

namespace hone {
namespace {

/// A file descriptor, closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  bool close() noexcept { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

/// Removes a file that was not finished.
class Temporary {
 public:
  explicit Temporary(std::filesystem::path path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() noexcept { path_.clear(); }

 private:
  std::filesystem::path path_;
};

[[noreturn]] void refuse(const std::filesystem::path& path, std::string_view what, int error) {
  fail(ErrorKind::file, escaped(path.string()), what, ": ", std::strerror(error));
}

void write_all(int fd, std::span<const std::span<const std::byte>> pieces,
               const std::filesystem::path& path) {
  constexpr std::size_t most = std::size_t{1} << 30;  // Linux writes at most 2 GiB in one call
  for (std::span<const std::byte> piece : pieces) {
    while (!piece.empty()) {
      const ssize_t n = ::write(fd, piece.data(), std::min(piece.size(), most));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) refuse(path, "cannot write", errno);
      piece = piece.subspan(static_cast<std::size_t>(n));
    }
  }
}

/// What a path leads to, which may be replaced.
struct Target {
  std::filesystem::path path;
  bool exists = false;
  struct stat old {};

  std::filesystem::path folder() const {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  }
};

Target target_of(const std::filesystem::path& path) {
  std::error_code none;
  Target to{std::filesystem::weakly_canonical(path, none)};
  if (none) to.path = path;
  to.exists = ::stat(to.path.c_str(), &to.old) == 0;
  if (to.exists && S_ISDIR(to.old.st_mode)) refuse(path, "cannot write", EISDIR);
  // the superuser may write to any file: what a user marked read-only is not replaced all the same
  if (to.exists && (to.old.st_mode & 0222) == 0) {
    refuse(path, "cannot replace a read-only file", EACCES);
  }
  if (to.exists && ::access(to.path.c_str(), W_OK) != 0) refuse(path, "cannot replace", errno);
  return to;
}

}  // namespace

void check_writable(const std::filesystem::path& path) {
  const Target to = target_of(path);
  if (to.exists && !S_ISREG(to.old.st_mode)) return;
  if (::access(to.folder().c_str(), W_OK | X_OK) != 0) {
    refuse(path, "cannot make a file beside it", errno);
  }
}

void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces) {
  const Target to = target_of(path);
  if (to.exists && !S_ISREG(to.old.st_mode)) {
    Descriptor device(::open(to.path.c_str(), O_WRONLY | O_CLOEXEC));
    if (device.get() < 0) refuse(path, "cannot open", errno);
    write_all(device.get(), pieces, path);
    return;
  }

  static std::atomic<unsigned> count = 0;
  const std::filesystem::path folder = to.folder();
  const std::filesystem::path name =
      folder / ('.' + to.path.filename().string() + '.' + std::to_string(::getpid()) + '.' +
                std::to_string(count++));
  Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) refuse(path, "cannot make a file beside it", errno);
  Temporary temporary(name);
  write_all(file.get(), pieces, path);
  if (to.exists && ::fchmod(file.get(), to.old.st_mode & 07777) != 0) {
    refuse(path, "cannot keep its permissions", errno);
  }
  if (::fsync(file.get()) != 0) refuse(path, "cannot write", errno);
  if (!file.close()) refuse(path, "cannot write", errno);
  if (::rename(name.c_str(), to.path.c_str()) != 0) refuse(path, "cannot replace", errno);
  temporary.keep();
  // best effort: the new content is in place, only its name might not survive a power cut
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) ::fsync(parent.get());
}

}  // namespace hone
