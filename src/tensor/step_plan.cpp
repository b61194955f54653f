#include "src/tensor/step_plan.h"

#include <algorithm>
#include <numeric>

namespace hone {
namespace {

/// A value of the step: alive from event `first` up to, not including, event `last`.
struct Span {
  std::uint32_t size = 0, first = 0, last = 0;
};

std::vector<Span> spans_of(const std::vector<std::uint32_t>& events) {
  std::vector<Span> spans;
  for (std::uint32_t e = 0; e < events.size(); ++e) {
    if ((events[e] & StepPlan::gives) == 0) {
      spans.push_back({events[e], e, static_cast<std::uint32_t>(events.size())});
    } else {
      spans[events[e] ^ StepPlan::gives].last = e;
    }
  }
  return spans;
}

/// Places the values in that order, each in the lowest gap that is free for all of its life; the
/// height of the whole.  Values with equal lives share a gap search through `placed`, which is kept
/// sorted by offset.
std::uint32_t place(const std::vector<Span>& spans, const std::vector<std::uint32_t>& order,
                    std::vector<std::uint32_t>& offsets) {
  std::vector<std::uint32_t> placed;
  placed.reserve(order.size());
  std::uint32_t height = 0;
  for (const std::uint32_t v : order) {
    const Span& s = spans[v];
    std::uint32_t at = 0, best = 0, best_gap = ~0u;
    for (const std::uint32_t other : placed) {
      const Span& o = spans[other];
      if (o.last <= s.first || s.last <= o.first) continue;
      if (offsets[other] >= at + s.size && offsets[other] - at < best_gap) {
        best = at;
        best_gap = offsets[other] - at;
      }
      at = std::max(at, offsets[other] + o.size);
    }
    if (best_gap == ~0u) best = at;
    offsets[v] = best;
    height = std::max(height, best + s.size);
    const auto after = std::upper_bound(
        placed.begin(), placed.end(), best,
        [&](std::uint32_t offset, std::uint32_t p) { return offset < offsets[p]; });
    placed.insert(after, v);
  }
  return height;
}

/// The best placement so far.
class Packing {
 public:
  Packing(const std::vector<Span>& spans, std::uint32_t bound)
      : spans_(spans), bound_(bound), order_(spans.size()), trial_(spans.size()) {}

  std::uint32_t height() const noexcept { return best_; }
  std::vector<std::uint32_t> take() { return std::move(offsets_); }

  /// Places what has the greatest key first, and again a few times with what stood highest before
  /// all others.
  void attempt(std::int64_t (*key)(const Span&)) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return key(spans_[a]) > key(spans_[b]);
    });
    // a hundredth above the bound is good enough, and a step of many values has no time for more
    const auto enough = [&] { return best_ - bound_ <= bound_ / 100; };
    for (int round = 0; round < rounds && !enough(); ++round) {
      const std::uint32_t height = place(spans_, order_, trial_);
      if (height < best_) {
        best_ = height;
        offsets_ = trial_;
      }
      const auto top = std::find_if(order_.begin(), order_.end(), [&](std::uint32_t v) {
        return trial_[v] + spans_[v].size == height;
      });
      std::rotate(order_.begin(), top, top + 1);
    }
  }

 private:
  static constexpr int rounds = 100;
  const std::vector<Span>& spans_;
  std::uint32_t bound_;
  std::uint32_t best_ = ~0u;
  std::vector<std::uint32_t> order_, trial_, offsets_;
};

/// Offline placement of values with known lives is NP-hard (Garey and Johnson 1979, SR2); greedy
/// by size comes within a few percent of the bound (Pisarchyk and Lee 2020, arXiv 2001.03288), and
/// the other orders win where it does not.
std::uint32_t pack(const std::vector<Span>& spans, std::uint32_t bound,
                   std::vector<std::uint32_t>& offsets) {
  Packing packing(spans, bound);
  packing.attempt([](const Span& s) { return std::int64_t{s.size}; });
  packing.attempt([](const Span& s) { return std::int64_t{s.last - s.first} * s.size; });
  packing.attempt([](const Span& s) { return std::int64_t{s.last - s.first}; });
  packing.attempt([](const Span& s) { return -std::int64_t{s.first}; });
  packing.attempt([](const Span& s) { return std::int64_t{s.last}; });
  offsets = packing.take();
  return packing.height();
}

}  // namespace

void StepRecorder::take(const void* pointer, std::size_t bytes) {
  alive_[pointer] = static_cast<std::uint32_t>(tags_.size());
  // room for the gives of all that is alive, which may not throw
  if (const std::size_t room = events_.size() + alive_.size() + 1; room > events_.capacity())
    events_.reserve(2 * room);
  events_.push_back(static_cast<std::uint32_t>(StepPlan::units(bytes)));
  tags_.push_back(MemoryTag::current());
}

void StepRecorder::give(const void* pointer) noexcept {
  const auto at = alive_.find(pointer);
  if (at == alive_.end()) return;
  events_.push_back(StepPlan::gives | at->second);
  alive_.erase(at);
}

StepPlan StepRecorder::finish() const {
  StepPlan plan;
  plan.events = events_;
  const std::vector<Span> spans = spans_of(events_);
  std::uint32_t alive = 0, most = 0, when = 0;
  std::uint32_t value = 0;
  for (std::uint32_t e = 0; e < events_.size(); ++e) {
    if ((events_[e] & StepPlan::gives) != 0) {
      alive -= spans[events_[e] ^ StepPlan::gives].size;
    } else if ((alive += spans[value++].size) > most) {
      most = alive;
      when = e;
    }
  }
  for (std::size_t v = 0; v < spans.size(); ++v) {
    if (spans[v].first <= when && when < spans[v].last)
      plan.ledger[tags_[v].op][static_cast<std::size_t>(tags_[v].cause)] +=
          spans[v].size * StepPlan::unit;
  }
  plan.offsets.resize(spans.size());
  plan.least_bytes = most * StepPlan::unit;
  if (!spans.empty()) plan.bytes = pack(spans, most, plan.offsets) * StepPlan::unit;
  return plan;
}

}  // namespace hone
