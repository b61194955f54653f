#pragma once
/// Tells whoever watches how long each part of a training step took: `hone bench --profile`.  Where
/// nobody does, it costs one branch a call.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <chrono>
#include <cstdint>
#include <span>

#include <hone/tensor.h>

namespace hone {

struct OpDef;
struct CallCache;
class Parameter;

/// One call of an op, forward or backward, or the update of one parameter.
struct Timing {
  enum class Part : std::uint8_t { forward, backward, update };
  Part part = Part::forward;
  const OpDef* op = nullptr;
  const CallCache* site = nullptr;  ///< null: a call that is not the file's, as that of a loss
  const Parameter* parameter = nullptr;
  std::span<const TensorType> inputs, outputs;
  std::uint32_t wanted = 0;  ///< backward: bit i is set where input i had a gradient
  std::int64_t ns = 0;
};

struct Watcher {
  void (*told)(void* context, const Timing& timing) noexcept = nullptr;
  void* context = nullptr;
};

/// Of this thread; null: nobody watches.
inline constinit thread_local const Watcher* watcher = nullptr;

class Stopwatch {
 public:
  Stopwatch() noexcept : watched_(watcher != nullptr) {
    if (watched_) start_ = Clock::now();
  }
  explicit operator bool() const noexcept { return watched_; }
  /// Only where somebody watches.
  void tell(Timing timing) const noexcept {
    timing.ns = std::chrono::nanoseconds(Clock::now() - start_).count();
    watcher->told(watcher->context, timing);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_{};
  bool watched_;
};

}  // namespace hone
