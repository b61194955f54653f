#include <atomic>
#include <vector>

#include <gtest/gtest.h>
#include <hone/error.h>
#include <hone/threads.h>

namespace hone {
namespace {

TEST(ParallelFor, CallsEveryIndexOnce) {
  for (const std::size_t n : {1u, 2u, 3u, 5u}) {
    set_threads(n);
    for (const std::size_t count : {0u, 1u, 2u, 3u, 64u, 1000u}) {
      for (int again = 0; again < 50; ++again) {  // jobs close behind one another
        std::vector<std::atomic<int>> calls(count);
        parallel_for(count, [&](std::size_t i) { ++calls[i]; });
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(calls[i], 1) << i << " of " << count << " on " << n << " threads";
        }
      }
    }
  }
  set_threads(1);
}

TEST(ParallelFor, SeesWhatWasWrittenBefore) {
  set_threads(3);
  std::vector<int> values(64), sums(64);
  for (int round = 1; round <= 200; ++round) {
    parallel_for(values.size(), [&](std::size_t i) { values[i] = round; });
    parallel_for(sums.size(), [&](std::size_t i) { sums[i] = values[values.size() - 1 - i]; });
    ASSERT_EQ(sums, std::vector<int>(sums.size(), round));
  }
  set_threads(1);
}

TEST(SetThreads, RefusesNoneAndTooMany) {
  EXPECT_THROW(set_threads(0), Error);
  EXPECT_THROW(set_threads(257), Error);
}

}  // namespace
}  // namespace hone
