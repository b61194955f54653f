#pragma once
/// A heap of blocks, in chunks of the system's or in the caller's bytes.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace hone::heap {

inline constexpr std::size_t unit = 64;  // of block sizes, and the alignment of what is handed out

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
  /// Takes chunks from the system as it needs them.
  Pool() = default;
  /// Lives in these bytes alone.
  explicit Pool(std::span<std::byte> bytes) : grows_(false) {
    void* start = bytes.data();
    std::size_t room = bytes.size();
    if (std::align(unit, 4 * unit, start, room) == nullptr) return;
    first_ = static_cast<std::byte*>(start);
    open(first_, room / unit * unit - 2 * unit);
  }

  void* take(std::size_t bytes) {
    if (bytes > most_bytes) throw std::bad_alloc();
    const std::size_t size = (bytes + Block::header + unit - 1) / unit * unit;
    Block* block = find(size);
    if (block == nullptr && !grows_) throw std::bad_alloc();
    if (block == nullptr) block = grow(size);
    unlink(block);
    if (const std::size_t rest = block->size - size; rest > 0) {
      block->size = size;
      Block* remainder = new (block->after()) Block{rest, block};
      remainder->after()->before = remainder;
      link(remainder);
    }
    block->free = false;
    if (!grows_)
      reach_ =
          std::max(reach_, reinterpret_cast<std::byte*>(block->after()) + Block::header - first_);
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

  /// Of a pool that lives in the caller's bytes: how far into them it has been.
  std::size_t reach() const noexcept { return static_cast<std::size_t>(reach_); }

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
    return open(start, room);
  }

  /// One free block of `room` bytes, with headers in front of it and behind.
  Block* open(std::byte* start, std::size_t room) {
    Block* block = new (start + unit - Block::header) Block{room, nullptr};
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
  bool grows_ = true;
  std::byte* first_ = nullptr;
  std::ptrdiff_t reach_ = 0;
};

}  // namespace hone::heap
