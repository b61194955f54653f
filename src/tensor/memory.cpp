#include <algorithm>
#include <mutex>
#include <new>

#include <hone/tensor.h>

#include "src/tensor/pool.h"

namespace hone {
namespace {

using heap::Pool;
using heap::unit;

// Under AddressSanitizer every block comes from the system, so that it sees each one's end.
#if defined(__SANITIZE_ADDRESS__)  // g++
constexpr bool keeps_blocks = false;
#elif defined(__has_feature)
constexpr bool keeps_blocks = !__has_feature(address_sanitizer);
#else
constexpr bool keeps_blocks = true;
#endif

/// The counted heap.
class Heap final : public std::pmr::memory_resource {
 public:
  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    use_.peak_bytes = use_.current_bytes;
  }

  void release_free() {
    const std::lock_guard lock(mutex_);
    pool_.trim();
  }

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    const std::lock_guard lock(mutex_);
    void* memory = keeps_blocks ? pool_.take(bytes) : ::operator new(bytes, std::align_val_t(unit));
    use_.current_bytes += bytes;
    use_.peak_bytes = std::max(use_.peak_bytes, use_.current_bytes);
    return memory;
  }

  void do_deallocate(void* pointer, std::size_t bytes, std::size_t) override {
    const std::lock_guard lock(mutex_);
    use_.current_bytes -= bytes;
    if (keeps_blocks) {
      pool_.give(pointer);
    } else {
      ::operator delete(pointer, std::align_val_t(unit));
    }
  }

  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::mutex mutex_;
  MemoryUse use_;
  Pool pool_;
};

Heap& the_heap() {
  static Heap* instance =
      new Heap;  // never destroyed: tensors of static lifetime may outlive any order
  return *instance;
}

}  // namespace

std::pmr::memory_resource* default_memory() noexcept { return &the_heap(); }
MemoryUse memory_use() noexcept { return the_heap().use(); }
void reset_peak() noexcept { the_heap().reset_peak(); }
void release_free_memory() noexcept { the_heap().release_free(); }

struct Arena::State {
  explicit State(std::span<std::byte> given) : bytes(given.size()), pool(given) {}
  std::mutex mutex;
  std::size_t bytes;
  Pool pool;
};

Arena::Arena(std::span<std::byte> bytes) : state_(std::make_unique<State>(bytes)) {}
Arena::~Arena() = default;

std::size_t Arena::bytes() const noexcept { return state_->bytes; }

std::size_t Arena::peak_bytes() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->pool.reach();
}

void* Arena::do_allocate(std::size_t bytes, std::size_t) {
  const std::lock_guard lock(state_->mutex);
  try {
    return state_->pool.take(bytes);
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::memory, "arena", "expected room for ", bytes, " bytes more, got an arena of ",
         state_->bytes, " bytes that is too small");
  }
}

void Arena::do_deallocate(void* pointer, std::size_t, std::size_t) {
  const std::lock_guard lock(state_->mutex);
  state_->pool.give(pointer);
}

}  // namespace hone
