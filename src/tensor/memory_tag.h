#pragma once
/// What memory is taken for, so that a plan can say where it goes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

namespace hone {

enum class Cause : std::uint8_t { weights, slots, packed, gradients, activations, scratch, graph };
inline constexpr std::size_t causes = 7;

/// The operator at work on this thread, -1 for none, and what it takes memory for.
struct MemoryTag {
  std::int32_t op = -1;
  Cause cause = Cause::activations;

  static MemoryTag& current() noexcept {
    thread_local MemoryTag tag;
    return tag;
  }
};

/// While alive, memory is taken for that.
class TakesMemory {
 public:
  explicit TakesMemory(Cause cause) noexcept : before_(MemoryTag::current()) {
    MemoryTag::current().cause = cause;
  }
  TakesMemory(std::int32_t op, Cause cause) noexcept : before_(MemoryTag::current()) {
    MemoryTag::current() = {op, cause};
  }
  ~TakesMemory() { MemoryTag::current() = before_; }
  TakesMemory(const TakesMemory&) = delete;
  TakesMemory& operator=(const TakesMemory&) = delete;

 private:
  MemoryTag before_;
};

/// Bytes by operator and cause.
using Ledger = std::map<std::int32_t, std::array<std::size_t, causes>>;

/// Keeps the books of what is alive and of the moment when it was the most.
class LedgerKeeper {
 public:
  void take(const void* pointer, std::size_t bytes) {
    const MemoryTag tag = MemoryTag::current();
    alive_[pointer] = {tag, bytes};
    now_[tag.op][static_cast<std::size_t>(tag.cause)] += bytes;
  }
  /// All that is taken is `total` now.
  void note(std::size_t total) {
    if (total <= peak_) return;
    peak_ = total;
    most_ = now_;
  }
  void give(const void* pointer) {
    const auto at = alive_.find(pointer);
    if (at == alive_.end()) return;
    const auto [tag, bytes] = at->second;
    now_[tag.op][static_cast<std::size_t>(tag.cause)] -= bytes;
    alive_.erase(at);
  }
  const Ledger& most() const noexcept { return most_; }

 private:
  std::unordered_map<const void*, std::pair<MemoryTag, std::size_t>> alive_;
  Ledger now_, most_;
  std::size_t peak_ = 0;
};

}  // namespace hone
