#pragma once
/// A step that takes and gives memory as the real one does, and computes nothing: how much it
/// needs is known before it runs.

#include <cstddef>
#include <memory_resource>
#include <utility>

namespace hone {

inline bool& dry_running() noexcept {
  thread_local bool dry = false;
  return dry;
}

/// While alive, this thread runs dry: kernels are left out but for those of plain integers, which
/// decide shapes.  With `false`: it computes, whatever goes on around it.
class DryRun {
 public:
  explicit DryRun(bool dry = true) noexcept : before_(std::exchange(dry_running(), dry)) {}
  ~DryRun() { dry_running() = before_; }
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

 private:
  bool before_;
};

/// Memory that is all zeros and, where blocks are large, takes room only once it is touched: for
/// dry runs.
class LazyMemory final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace hone
