#include <hone/threads.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <hone/error.h>

namespace hone {
namespace {

constexpr std::size_t cache_line = 64;

/// What a thread does of a job: its own blocks first, then those that others have not begun.  The
/// blocks are claimed from one atomic word: generation, end, next.  A thread that comes late cannot
/// claim from a newer job by mistake, since the generation is part of what it compares.  All that a
/// thread needs to begin comes in one cache line, all that it tells goes in another.
struct Share {
  alignas(cache_line) std::atomic<std::uint64_t> word{0};
  void (*body)(void*, std::size_t) = nullptr;
  void* context = nullptr;
  std::atomic<bool> steals{false};                       // others have more than one block
  alignas(cache_line) std::atomic<std::size_t> done{0};  // blocks that this thread has ever run

  static constexpr std::uint64_t bits = 20, mask = (1u << bits) - 1;

  static std::uint64_t of(std::uint64_t generation, std::size_t first, std::size_t last) noexcept {
    return generation << 2 * bits | std::uint64_t{last} << bits | std::uint64_t{first};
  }
};

/// Every thread begins with its own contiguous part of the blocks: what it wrote in one loop, it
/// finds in its cache in the next.
class ThreadPool {
 public:
  ~ThreadPool() { resize(1); }

  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  void resize(std::size_t n) {
    const std::lock_guard lock(busy_);
    if (n == size()) return;
    stop_ = true;
    wake();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_ = false;
    shares_ = std::make_unique<Share[]>(n);
    generation_ = 0;
    ran_ = 0;
    size_ = n;
    for (std::size_t i = 1; i < n; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  void run(std::size_t count, void (*body)(void*, std::size_t), void* context) noexcept {
    std::unique_lock lock(busy_, std::defer_lock);
    // another Model's thread has the pool: this one goes on alone
    if (count < 2 || size() == 1 || count > Share::mask || !lock.try_lock()) {
      for (std::size_t i = 0; i < count; ++i) body(context, i);
      return;
    }
    const std::size_t n = size();
    ++generation_;
    ran_ += count;
    for (std::size_t i = n; i-- > 0;) {
      shares_[i].body = body;
      shares_[i].context = context;
      shares_[i].steals.store(count > n, std::memory_order_relaxed);
      shares_[i].word.store(Share::of(generation_, i * count / n, (i + 1) * count / n),
                            std::memory_order_release);
    }
    // one that falls asleep just now is missed: its blocks go to others
    if (asleep_.load(std::memory_order_relaxed) != 0) wake();
    claim_from(0, 0);
    for (int i = 0; i < 10 && done() != ran_; ++i) pause();  // before it takes lines from others
    for (std::size_t i = 1; i < n && done() != ran_; ++i) claim_from(i, 0);
    while (done() != ran_) pause();
  }

 private:
  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::size_t done() const noexcept {
    std::size_t blocks = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      blocks += shares_[i].done.load(std::memory_order_acquire);
    }
    return blocks;
  }

  void wake() noexcept {
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_all();
  }

  /// Runs what is left of the share of thread `of`, from its begin or from its end.
  void claim_from(std::size_t of, std::size_t self) noexcept {
    Share& share = shares_[of];
    std::uint64_t seen = share.word.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t first = seen & Share::mask, last = seen >> Share::bits & Share::mask;
      if (first >= last) return;
      const bool own = of == self;
      const std::uint64_t left = own ? seen + 1 : seen - (std::uint64_t{1} << Share::bits);
      if (!share.word.compare_exchange_weak(seen, left, std::memory_order_acq_rel)) continue;
      share.body(share.context, own ? first : last - 1);
      std::atomic<std::size_t>& done = shares_[self].done;  // written by this thread alone
      done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_release);
      seen = share.word.load(std::memory_order_acquire);
    }
  }

  void claim(std::size_t self) noexcept {
    const std::size_t n = size();
    claim_from(self, self);
    if (!shares_[self].steals.load(std::memory_order_relaxed)) return;
    for (std::size_t i = 1; i < n; ++i) claim_from((self + i) % n, self);
  }

  void work(std::size_t self) noexcept {
    const std::atomic<std::uint64_t>& own = shares_[self].word;
    while (!stop_.load(std::memory_order_acquire)) {
      const std::uint64_t before = own.load(std::memory_order_relaxed);
      claim(self);
      const auto generation = [](std::uint64_t word) { return word >> 2 * Share::bits; };
      const auto idle = [&] {
        return generation(own.load(std::memory_order_acquire)) == generation(before) &&
               !stop_.load(std::memory_order_relaxed);
      };
      for (int i = 0; i < 20000 && idle(); ++i) pause();
      if (!idle()) continue;
      const std::uint32_t seen = signal_.load(std::memory_order_acquire);
      asleep_.fetch_add(1);
      if (idle()) signal_.wait(seen, std::memory_order_acquire);
      asleep_.fetch_sub(1);
    }
  }

  std::mutex busy_;
  std::vector<std::thread> workers_;
  std::atomic<std::size_t> size_{1};
  std::unique_ptr<Share[]> shares_;
  std::uint64_t generation_ = 0;
  std::size_t ran_ = 0;  // blocks of all jobs so far
  std::atomic<std::uint32_t> signal_{0};
  std::atomic<int> asleep_{0};
  std::atomic<bool> stop_{false};
};

ThreadPool& pool() {
  static ThreadPool instance;
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
