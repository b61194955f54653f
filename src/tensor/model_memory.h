#pragma once
/// The memory of one model: what it keeps is counted and passed on; the values of a step lie in one
/// block, at offsets that were planned from a recording of the same step.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <hone/tensor.h>

#include "src/tensor/dry_run.h"
#include "src/tensor/memory_tag.h"
#include "src/tensor/step_plan.h"

namespace hone {

/// Plans of steps by what makes one step differ from another: part, samples, with or without a
/// graph.
using StepPlans = std::map<std::uint64_t, std::shared_ptr<const StepPlan>>;

/// Outlives its owner until the last value in it is gone.  Thread-safe.
class ModelMemory {
 public:
  struct Retire {
    void operator()(ModelMemory* memory) const noexcept { memory->retire(); }
  };
  using Owner = std::unique_ptr<ModelMemory, Retire>;
  static Owner make(std::pmr::memory_resource* upstream) {
    return Owner(new ModelMemory(upstream));
  }

  /// For what outlives a step: weights, gradients of weights, packed weights, results.
  std::pmr::memory_resource* kept() noexcept { return &kept_; }
  /// For what a step makes and drops.
  std::pmr::memory_resource* step() noexcept { return &step_; }

  /// A step begins, if no value of an earlier one is alive: it obeys the plan of that key, or is
  /// recorded where there is none.  A step that does something else than its plan goes on upstream
  /// from there, so that no value is ever overwritten.
  void begin(std::uint64_t key);
  /// begin(), and until it is destroyed the step goes on even if none of its values is alive.
  class Running {
   public:
    Running(ModelMemory& memory, std::uint64_t key);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    ModelMemory& memory_;
  };
  /// Makes the block as large as the plans so far need.
  void reserve();
  StepPlans plans() const;

  std::pmr::memory_resource* upstream() const noexcept { return upstream_; }
  MemoryUse use() const;       ///< what is taken from upstream
  void reset_peak() noexcept;  ///< peak_bytes = current_bytes

  /// What is kept, by operator and cause, when use() is at its peak; only from watch() on.
  void watch();
  Ledger kept_ledger() const;

 private:
  explicit ModelMemory(std::pmr::memory_resource* upstream);
  ~ModelMemory();
  void retire() noexcept;

  class Kept final : public std::pmr::memory_resource {
   public:
    explicit Kept(ModelMemory& owner) : owner_(owner) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const memory_resource& other) const noexcept override {
      return this == &other;
    }
    ModelMemory& owner_;
  };

  class Step final : public std::pmr::memory_resource {
   public:
    explicit Step(ModelMemory& owner) : owner_(owner) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const memory_resource& other) const noexcept override {
      return this == &other;
    }
    ModelMemory& owner_;
  };

  enum class Mode : std::uint8_t { aside, records, obeys };

  void* take(std::size_t bytes);
  void give(void* pointer, std::size_t bytes) noexcept;
  void depart() noexcept;
  void step_ended() noexcept;
  void make_room(std::size_t bytes);
  bool in_block(const void* pointer) const noexcept;
  void count(std::size_t bytes);
  bool drop() noexcept;  // one value less; whether nobody is left
  /// Of a step that does not obey a plan: a dry one takes nothing that counts.
  void* take_aside(std::size_t bytes);
  void give_aside(void* pointer, std::size_t bytes) noexcept;

  mutable std::mutex mutex_;
  std::pmr::memory_resource* upstream_;
  Kept kept_{*this};
  Step step_{*this};
  bool owned_ = true;
  std::size_t values_ = 0, step_values_ = 0;
  MemoryUse use_;

  std::byte* block_ = nullptr;
  std::size_t block_bytes_ = 0;
  StepPlans plans_;
  std::map<std::uint64_t, int> failures_;  // of plans, by key
  int* failed_ = nullptr;                  // those of key_
  Mode mode_ = Mode::aside;
  std::uint64_t key_ = 0;
  std::shared_ptr<const StepPlan> plan_;  // that is obeyed
  std::size_t event_ = 0, next_ = 0;      // of it
  std::unique_ptr<StepRecorder> recorder_;
  LazyMemory lazy_;  // of dry steps
  std::unique_ptr<LedgerKeeper> watch_;
};

}  // namespace hone
