#include <hone/threads.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <hone/error.h>

namespace hone {
namespace {

/// Workers and the caller claim indices from one atomic word: generation, count, next.  A worker
/// that comes late cannot claim from a newer job by mistake, since the generation is part of what
/// it compares.
class Pool {
 public:
  ~Pool() { resize(1); }

  std::size_t size() const noexcept { return workers_.size() + 1; }

  void resize(std::size_t n) {
    const std::lock_guard lock(busy_);
    if (n == size()) return;
    stop_ = true;
    wake();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_ = false;
    for (std::size_t i = 1; i < n; ++i) workers_.emplace_back([this] { work(); });
  }

  void run(std::size_t count, void (*body)(void*, std::size_t), void* context) noexcept {
    std::unique_lock lock(busy_, std::defer_lock);
    // another Model's thread has the pool: this one goes on alone
    if (count < 2 || workers_.empty() || count > field_mask || !lock.try_lock()) {
      for (std::size_t i = 0; i < count; ++i) body(context, i);
      return;
    }
    body_ = body;
    context_ = context;
    remaining_.store(count, std::memory_order_relaxed);
    const std::uint64_t generation = (word_.load(std::memory_order_relaxed) >> 40) + 1;
    word_.store(generation << 40 | std::uint64_t{count} << 20, std::memory_order_release);
    wake();
    claim();
    while (remaining_.load(std::memory_order_acquire) != 0) pause();
  }

 private:
  static constexpr std::uint64_t field_mask = (1u << 20) - 1;

  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  void wake() noexcept {
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_all();
  }

  void claim() noexcept {
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    while ((seen & field_mask) < (seen >> 20 & field_mask)) {
      if (!word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) continue;
      body_(context_, seen & field_mask);
      remaining_.fetch_sub(1, std::memory_order_release);
      seen = word_.load(std::memory_order_acquire);
    }
  }

  void work() noexcept {
    std::uint32_t seen = signal_.load(std::memory_order_acquire);
    while (!stop_) {
      claim();
      for (int i = 0; i < 20000 && signal_.load(std::memory_order_acquire) == seen; ++i) pause();
      signal_.wait(seen, std::memory_order_acquire);
      seen = signal_.load(std::memory_order_acquire);
    }
  }

  std::mutex busy_;
  std::vector<std::thread> workers_;
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::size_t> remaining_{0};
  std::atomic<std::uint32_t> signal_{0};
  std::atomic<bool> stop_{false};
  void (*body_)(void*, std::size_t) = nullptr;
  void* context_ = nullptr;
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

void set_threads(std::size_t n) {
  if (n < 1 || n > 256) fail(ErrorKind::argument, "threads", "expected 1 to 256 threads, got ", n);
  pool().resize(n);
}

std::size_t threads() noexcept { return pool().size(); }

void parallel_for(std::size_t count, void (*body)(void*, std::size_t), void* context) noexcept {
  pool().run(count, body, context);
}

}  // namespace hone
