#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <vector>

#include <hone/tensor.h>

namespace hone {
namespace {

constexpr std::size_t unit = 64;  // of block sizes, and the alignment of what is handed out

// Under AddressSanitizer every block comes from the system, so that it sees each one's end.
#if defined(__SANITIZE_ADDRESS__)  // g++
constexpr bool keeps_blocks = false;
#elif defined(__has_feature)
constexpr bool keeps_blocks = !__has_feature(address_sanitizer);
#else
constexpr bool keeps_blocks = true;
#endif

/// A piece of a chunk.  The header takes the end of the cache line in front of the memory that it
/// describes.
struct Block {
  std::size_t size;  // header and memory: whole units; 0: the end of a chunk
  Block* before;     // the neighbour in front, null: first of its chunk
  bool free = false;
  Block *next = nullptr,
        *last = nullptr;  // in its list, while free; else these bytes belong to the caller

  Block* after() noexcept {
    return reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(this) + size);
  }
  void* memory() noexcept { return reinterpret_cast<std::byte*>(this) + header; }
  static Block* of(void* memory) noexcept {
    return reinterpret_cast<Block*>(static_cast<std::byte*>(memory) - header);
  }
  static constexpr std::size_t header = 24;
};
static_assert(sizeof(Block) <= unit);

/// Free blocks in lists of similar sizes, neighbours joined: two-level segregated fit (Masmano et
/// al. 2004).  Constant time; a training step that asks for the same sizes as the one before it
/// asks the system for nothing.
class Pool {
 public:
  void* take(std::size_t bytes) {
    if (bytes > most_bytes) throw std::bad_alloc();
    const std::size_t size = (bytes + Block::header + unit - 1) / unit * unit;
    Block* block = find(size);
    if (block == nullptr) block = grow(size);
    unlink(block);
    if (const std::size_t rest = block->size - size; rest > 0) {
      block->size = size;
      Block* remainder = new (block->after()) Block{rest, block};
      remainder->after()->before = remainder;
      link(remainder);
    }
    block->free = false;
    return block->memory();
  }

  void give(void* memory) noexcept {
    Block* block = Block::of(memory);
    if (Block* after = block->after(); after->free) {
      unlink(after);
      block->size += after->size;
    }
    if (Block* before = block->before; before != nullptr && before->free) {
      unlink(before);
      before->size += block->size;
      block = before;
    }
    block->after()->before = block;
    link(block);
  }

  /// Gives chunks that are wholly free back to the system.
  void trim() noexcept {
    std::erase_if(chunks_, [this](const Chunk& chunk) {
      Block* first = chunk.first();
      if (!first->free || first->after()->size != 0) return false;
      unlink(first);
      total_ -= chunk.bytes;
      ::operator delete(chunk.start, std::align_val_t(unit));
      return true;
    });
  }

 private:
  static constexpr std::size_t fine = 8;  // lists of each power of two
  static constexpr std::size_t lists = 48 * fine;
  static constexpr std::size_t least_chunk = 256 * 1024;
  static constexpr std::size_t most_bytes = std::size_t{1} << 46;

  struct Chunk {
    std::byte* start;
    std::size_t bytes;
    Block* first() const noexcept { return reinterpret_cast<Block*>(start + unit - Block::header); }
  };

  /// The list of blocks of that size: all of those in a list are as large as its smallest size.
  static std::size_t list_of(std::size_t size) noexcept {
    const std::size_t units = size / unit;
    if (units < fine) return units;
    const auto shift = static_cast<std::size_t>(std::bit_width(units)) - 4;
    return shift * fine + (units >> shift);
  }

  /// A free block of at least that size, of the smallest list that is sure to fit.
  Block* find(std::size_t size) noexcept {
    const std::size_t own = list_of(size);
    if (heads_[own] != nullptr && heads_[own]->size >= size) return heads_[own];
    for (std::size_t word = (own + 1) / 64; word < std::size(used_); ++word) {
      std::uint64_t bits = used_[word];
      if (word == (own + 1) / 64) bits &= ~std::uint64_t{0} << (own + 1) % 64;
      if (bits != 0) return heads_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
    }
    return nullptr;
  }

  Block* grow(std::size_t size) {
    const std::size_t room = std::max({size, least_chunk, total_ / 8 / unit * unit});
    chunks_.reserve(chunks_.size() + 1);
    const std::size_t bytes = room + 2 * unit;  // headers in front of the first and of the end
    auto* start = static_cast<std::byte*>(::operator new(bytes, std::align_val_t(unit)));
    chunks_.push_back({start, bytes});
    total_ += bytes;
    Block* block = new (chunks_.back().first()) Block{room, nullptr};
    new (block->after()) Block{0, block};
    link(block);
    return block;
  }

  void link(Block* block) noexcept {
    const std::size_t list = list_of(block->size);
    block->free = true;
    block->last = nullptr;
    block->next = heads_[list];
    if (block->next != nullptr) block->next->last = block;
    heads_[list] = block;
    used_[list / 64] |= std::uint64_t{1} << list % 64;
  }

  void unlink(Block* block) noexcept {
    const std::size_t list = list_of(block->size);
    if (block->next != nullptr) block->next->last = block->last;
    if (block->last != nullptr) {
      block->last->next = block->next;
    } else if ((heads_[list] = block->next) == nullptr) {
      used_[list / 64] &= ~(std::uint64_t{1} << list % 64);
    }
  }

  Block* heads_[lists] = {};
  std::uint64_t used_[lists / 64] = {};
  std::vector<Chunk> chunks_;
  std::size_t total_ = 0;
};

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
