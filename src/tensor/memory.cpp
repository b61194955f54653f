#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include <hone/tensor.h>

namespace hone {
namespace {

/// The counted heap.  A step asks for the same sizes as the one before it, so freed blocks wait, by
/// exact size.
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
    drop_free();
  }

 private:
  static constexpr std::size_t alignment = 64;

  void* do_allocate(std::size_t bytes, std::size_t) override {
    const std::size_t size = rounded(bytes);
    const std::lock_guard lock(mutex_);
    use_.current_bytes += size;
    use_.peak_bytes = std::max(use_.peak_bytes, use_.current_bytes);
    const auto found = free_.find(size);
    if (found != free_.end() && found->second != nullptr) {
      Block* block = found->second;
      found->second = block->next;
      free_bytes_ -= size;
      return block;
    }
    // What waits must not add up: sizes that are no longer asked for make room for those that are.
    if (use_.current_bytes + free_bytes_ > use_.peak_bytes) drop_free();
    try {
      free_.try_emplace(size, nullptr);
      return ::operator new(size, std::align_val_t(alignment));
    } catch (...) {
      use_.current_bytes -= size;
      throw;
    }
  }

  void do_deallocate(void* pointer, std::size_t bytes, std::size_t) override {
    const std::size_t size = rounded(bytes);
    const std::lock_guard lock(mutex_);
    use_.current_bytes -= size;
    Block*& head = free_.find(size)->second;
    head = new (pointer) Block{head};
    free_bytes_ += size;
  }

  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  struct Block {
    Block* next;
  };

  static std::size_t rounded(std::size_t bytes) {
    return std::max<std::size_t>((bytes + alignment - 1) / alignment * alignment, alignment);
  }

  void drop_free() {
    for (auto& [size, head] : free_) {
      while (head != nullptr) {
        Block* next = head->next;
        ::operator delete(head, std::align_val_t(alignment));
        head = next;
      }
    }
    free_bytes_ = 0;
  }

  std::mutex mutex_;
  MemoryUse use_;
  std::size_t free_bytes_ = 0;
  std::map<std::size_t, Block*> free_;
};

Heap& heap() {
  static Heap* instance =
      new Heap;  // never destroyed: tensors of static lifetime may outlive any order
  return *instance;
}

}  // namespace

std::pmr::memory_resource* default_memory() noexcept { return &heap(); }
MemoryUse memory_use() noexcept { return heap().use(); }
void reset_peak() noexcept { heap().reset_peak(); }
void release_free_memory() noexcept { heap().release_free(); }

}  // namespace hone
