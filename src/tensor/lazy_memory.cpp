#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "src/tensor/dry_run.h"

#if defined(__unix__)
#include <sys/mman.h>
#endif

namespace hone {
namespace {

// From here on a block has pages of its own; malloc would take smaller ones from a heap that it
// has to clear.
constexpr std::size_t mapped_from = 8192;

bool is_mapped(std::size_t bytes) noexcept {
#if defined(__unix__)
  return bytes >= mapped_from;
#else
  (void)bytes;
  return false;
#endif
}

}  // namespace

void* LazyMemory::do_allocate(std::size_t bytes, std::size_t alignment) {
#if defined(__unix__)
  if (is_mapped(bytes)) {
    void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return pages;
  }
#endif
  // whole alignments, at least one
  const std::size_t room =
      (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* pointer = std::aligned_alloc(alignment, room);
  if (pointer == nullptr) throw std::bad_alloc();
  return std::memset(pointer, 0, room);
}

void LazyMemory::do_deallocate(void* pointer, std::size_t bytes, std::size_t) {
#if defined(__unix__)
  if (is_mapped(bytes)) {
    munmap(pointer, bytes);
    return;
  }
#endif
  std::free(pointer);
}

}  // namespace hone
