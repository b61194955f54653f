#include "src/tensor/model_memory.h"

#include <algorithm>

#include <hone/tensor.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

namespace hone {
namespace {

constexpr int most_failures = 3;  // of the plans of one key, before it goes on without
constexpr std::size_t most_plans = 16;

}  // namespace

void ModelMemory::count(std::size_t bytes) {
  use_.current_bytes += bytes;
  use_.peak_bytes = std::max(use_.peak_bytes, use_.current_bytes);
  if (watch_) watch_->note(use_.current_bytes);
}

ModelMemory::ModelMemory(std::pmr::memory_resource* upstream) : upstream_(upstream) {}

ModelMemory::~ModelMemory() {
  ASAN_UNPOISON_MEMORY_REGION(block_, block_bytes_);
  if (block_ != nullptr) upstream_->deallocate(block_, block_bytes_, StepPlan::unit);
}

void ModelMemory::retire() noexcept {
  {
    const std::lock_guard lock(mutex_);
    owned_ = false;
    if (values_ != 0) return;
  }
  delete this;
}

bool ModelMemory::drop() noexcept { return --values_ == 0 && !owned_; }

void* ModelMemory::Kept::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::lock_guard lock(owner_.mutex_);
  void* pointer = owner_.upstream_->allocate(bytes, alignment);
  ++owner_.values_;
  if (owner_.watch_) owner_.watch_->take(pointer, bytes);
  owner_.count(bytes);
  return pointer;
}

void ModelMemory::Kept::do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) {
  bool last = false;
  {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.watch_) owner_.watch_->give(pointer);
    owner_.upstream_->deallocate(pointer, bytes, alignment);
    owner_.use_.current_bytes -= bytes;
    last = owner_.drop();
  }
  if (last) delete &owner_;
}

void* ModelMemory::Step::do_allocate(std::size_t bytes, std::size_t) {
  const std::lock_guard lock(owner_.mutex_);
  return owner_.take(bytes);
}

void ModelMemory::Step::do_deallocate(void* pointer, std::size_t bytes, std::size_t) {
  bool last = false;
  {
    const std::lock_guard lock(owner_.mutex_);
    owner_.give(pointer, bytes);
    last = owner_.drop();
  }
  if (last) delete &owner_;
}

bool ModelMemory::in_block(const void* pointer) const noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(pointer);
  const auto begin = reinterpret_cast<std::uintptr_t>(block_);
  return at >= begin && at < begin + block_bytes_;
}

void ModelMemory::depart() noexcept {
  mode_ = Mode::aside;
  // what was recorded is not what is done: record again, a few times
  plans_.erase(key_);
  ++*failed_;
}

void* ModelMemory::take_aside(std::size_t bytes) {
  if (dry_running()) return lazy_.allocate(bytes, StepPlan::unit);
  void* pointer = upstream_->allocate(bytes, StepPlan::unit);
  count(bytes);
  return pointer;
}

void ModelMemory::give_aside(void* pointer, std::size_t bytes) noexcept {
  if (dry_running()) return lazy_.deallocate(pointer, bytes, StepPlan::unit);
  upstream_->deallocate(pointer, bytes, StepPlan::unit);
  use_.current_bytes -= bytes;
}

void* ModelMemory::take(std::size_t bytes) {
  const std::size_t units = StepPlan::units(bytes);
  if (mode_ == Mode::obeys) {
    if (event_ < plan_->events.size() && plan_->events[event_] == units) {
      ++event_;
      ++values_;
      ++step_values_;
      std::byte* at = block_ + std::size_t{plan_->offsets[next_++]} * StepPlan::unit;
      ASAN_UNPOISON_MEMORY_REGION(at, bytes);
      return at;
    }
    depart();
  }
  void* pointer = take_aside(units * StepPlan::unit);
  ++values_;
  ++step_values_;
  if (mode_ == Mode::records) {
    recorder_->take(pointer, bytes);
    if (recorder_->too_long()) {
      mode_ = Mode::aside;
      *failed_ = most_failures;
    }
  }
  return pointer;
}

void ModelMemory::give(void* pointer, std::size_t bytes) noexcept {
  const std::size_t size = StepPlan::units(bytes) * StepPlan::unit;
  if (in_block(pointer)) {
    ASAN_POISON_MEMORY_REGION(pointer, size);
    if (mode_ == Mode::obeys) {
      const auto offset =
          static_cast<std::size_t>(static_cast<std::byte*>(pointer) - block_) / StepPlan::unit;
      const std::uint32_t expected =
          event_ < plan_->events.size() ? plan_->events[event_] : std::uint32_t{0};
      const bool gives = (expected & StepPlan::gives) != 0;
      if (gives && plan_->offsets[expected ^ StepPlan::gives] == offset)
        ++event_;
      else
        depart();
    }
  } else {
    if (mode_ == Mode::records) recorder_->give(pointer);
    give_aside(pointer, size);
  }
  if (--step_values_ == 0) step_ended();
}

void ModelMemory::step_ended() noexcept {
  if (mode_ == Mode::records) {
    try {
      const auto plan = std::make_shared<const StepPlan>(recorder_->finish());
      plans_[key_] = plan;
      recorder_.reset();
      if (!dry_running()) make_room(plan->bytes);  // now: the next step shall find it
    } catch (const std::exception&) {
      plans_.erase(key_);
      *failed_ = most_failures;  // it goes on without
    }
  }
  recorder_.reset();
  mode_ = Mode::aside;
}

void ModelMemory::make_room(std::size_t bytes) {
  if (bytes <= block_bytes_) return;
  if (block_ != nullptr) {
    ASAN_UNPOISON_MEMORY_REGION(block_, block_bytes_);
    upstream_->deallocate(block_, block_bytes_, StepPlan::unit);
    use_.current_bytes -= block_bytes_;
  }
  block_ = nullptr;
  block_bytes_ = 0;
  if (upstream_ == default_memory()) release_free_memory();
  block_ = static_cast<std::byte*>(upstream_->allocate(bytes, StepPlan::unit));
  block_bytes_ = bytes;
  count(bytes);
  ASAN_POISON_MEMORY_REGION(block_, block_bytes_);
}

ModelMemory::Running::Running(ModelMemory& memory, std::uint64_t key) : memory_(memory) {
  memory.begin(key);
  const std::lock_guard lock(memory.mutex_);
  ++memory.step_values_;
}

ModelMemory::Running::~Running() {
  const std::lock_guard lock(memory_.mutex_);
  if (--memory_.step_values_ == 0) memory_.step_ended();
}

void ModelMemory::begin(std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  if (step_values_ != 0) return;
  key_ = key;
  failed_ = &failures_[key];  // here, where it may throw: what ends a step may not
  mode_ = Mode::aside;
  if (const auto found = plans_.find(key); found != plans_.end()) {
    if (dry_running()) return;  // known already
    make_room(found->second->bytes);
    plan_ = found->second;
    event_ = next_ = 0;
    mode_ = Mode::obeys;
    return;
  }
  if (plans_.size() >= most_plans || *failed_ >= most_failures) return;
  recorder_ = std::make_unique<StepRecorder>();
  mode_ = Mode::records;
}

void ModelMemory::reserve() {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& [key, plan] : plans_) bytes = std::max(bytes, plan->bytes);
  if (step_values_ == 0) make_room(bytes);
}

StepPlans ModelMemory::plans() const {
  const std::lock_guard lock(mutex_);
  return plans_;
}

MemoryUse ModelMemory::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void ModelMemory::reset_peak() noexcept {
  const std::lock_guard lock(mutex_);
  use_.peak_bytes = use_.current_bytes;
}

void ModelMemory::watch() {
  const std::lock_guard lock(mutex_);
  watch_ = std::make_unique<LedgerKeeper>();
}

Ledger ModelMemory::kept_ledger() const {
  const std::lock_guard lock(mutex_);
  return watch_ ? watch_->most() : Ledger();
}

}  // namespace hone
