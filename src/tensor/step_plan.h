#pragma once
/// Where the values of a step lie: from what it took and gave, in order, to offsets in one block.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "src/tensor/memory_tag.h"

namespace hone {

/// All sizes and offsets are in units of one cache line.
struct StepPlan {
  static constexpr std::size_t unit = 64;
  static constexpr std::uint32_t gives = std::uint32_t{1}
                                         << 31;  // an event: gives value `e ^ gives`
  static std::size_t units(std::size_t bytes) noexcept {
    return bytes == 0 ? 1 : (bytes + unit - 1) / unit;
  }

  std::vector<std::uint32_t> events;   ///< units taken, or gives | the number of the value
  std::vector<std::uint32_t> offsets;  ///< of each value
  std::size_t bytes = 0;               ///< of the block
  std::size_t least_bytes = 0;         ///< the most that is alive at once: no block can be smaller
  Ledger ledger;                       ///< what is alive then
};

class StepRecorder {
 public:
  void take(const void* pointer, std::size_t bytes);
  void give(const void* pointer) noexcept;
  /// More events than a plan is worth.
  bool too_long() const noexcept { return events_.size() > most_events; }
  StepPlan finish() const;

 private:
  static constexpr std::size_t most_events = 20000;
  std::vector<std::uint32_t> events_;
  std::vector<MemoryTag> tags_;
  std::unordered_map<const void*, std::uint32_t> alive_;
};

}  // namespace hone
