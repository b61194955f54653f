#include "src/train/checkpoint.h"

namespace hone {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  fail(ErrorKind::unsupported, path,
       "expected a library that writes checkpoints, got one built with -Dtools=disabled");
}

}  // namespace

void write_checkpoint(const std::string& path, const Optimizer&, std::uint64_t, std::size_t) {
  refuse(path);
}

std::size_t resume_from(const std::string& path, Optimizer&, std::uint64_t) { refuse(path); }

}  // namespace hone
