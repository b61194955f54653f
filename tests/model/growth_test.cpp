/// Nothing grows while a model trains: from step 21 to step 10,000 of one fit() neither the bytes
/// of tensors, nor the nodes of the graph, nor the bytes that `new` has given out, nor the
/// process's resident memory.
///
/// The first three are exact, the most of one epoch against the most of a later one, since batches
/// of two sizes take turns.  Resident memory may differ by 128 KB that glibc's malloc keeps at the
/// end of its heap before it gives some back (M_TRIM_THRESHOLD), and by one window of fault-around:
/// at the first touch of a page of a file (code that runs only now) Linux maps up to 64 KB of its
/// neighbours.  A leak of 20 bytes a step is more than both.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/model.h>
#include <hone/optim.h>
#include <hone/train.h>

namespace {

std::atomic<std::size_t> live_bytes{0};  // given out by new

// Each block begins with its size, at the end of a prefix that keeps it aligned.
void* counted(std::size_t bytes, std::size_t alignment) {
  const std::size_t whole = (bytes + 2 * alignment - 1) / alignment * alignment;
  auto* block = static_cast<std::byte*>(std::aligned_alloc(alignment, whole));
  if (block == nullptr) throw std::bad_alloc();
  live_bytes += bytes;
  std::byte* given = block + alignment;
  reinterpret_cast<std::size_t*>(given)[-1] = bytes;
  return given;
}

void uncount(void* given, std::size_t alignment) noexcept {
  if (given == nullptr) return;
  live_bytes -= static_cast<std::size_t*>(given)[-1];
  std::free(static_cast<std::byte*>(given) - alignment);
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

void* operator new(std::size_t n) { return counted(n, usual); }
void* operator new(std::size_t n, std::align_val_t a) {
  return counted(n, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { uncount(p, usual); }
void operator delete(void* p, std::size_t) noexcept { uncount(p, usual); }
void operator delete(void* p, std::align_val_t a) noexcept {
  uncount(p, static_cast<std::size_t>(a));
}
void operator delete(void* p, std::size_t, std::align_val_t a) noexcept {
  uncount(p, static_cast<std::size_t>(a));
}

namespace hone::tests {
namespace {

constexpr std::size_t first = 21, last = 10'000, resident_slack_bytes = (128 + 64) * 1024;

/// Counted by the kernel at this moment; the figure in /proc/self/status lags behind by up to 64
/// pages a thread.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;) {
    std::size_t kilobytes = 0;
    if (word == "Rss:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

struct Use {
  std::size_t tensors = 0, nodes = 0, heap = 0;

  void widen() {
    tensors = std::max(tensors, memory_use().current_bytes);
    nodes = std::max(nodes, live_nodes());
    heap = std::max(heap, live_bytes.load());
  }
};

/// Noise in the shape of the model's input, with labels that go round.
Dataset noise(const Model& model, std::size_t samples, std::int32_t classes) {
  Shape shape = model.inputs()[0].type.shape;
  shape[0] = static_cast<std::int64_t>(samples);
  Tensor x(TensorType{DType::float32, shape}), y(TensorType{DType::int32, {shape[0]}});
  std::uint32_t state = 1;
  for (float& v : x.mutable_data<float>()) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  const auto labels = y.mutable_data<std::int32_t>();
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<std::int32_t>(i) % classes;
  return Dataset(x, y);
}

/// The most of the epoch that begins with step `first`, and of all steps after that.
struct Growth {
  Use early, late;
  std::size_t resident_early = 0, resident_late = 0, steps = 0;
};

/// Batches of two, two and one sample.
Growth train(Model& model, Optimizer& optimizer) {
  constexpr std::size_t per_epoch = 3;
  Growth growth;
  const auto look = [&growth](const Progress& p) {
    growth.steps = p.step;
    if (p.step < first) return;
    (p.step < first + per_epoch ? growth.early : growth.late).widen();
    if (p.step == first) growth.resident_early = resident_bytes();
    if (p.step % 100 == 0) growth.resident_late = std::max(growth.resident_late, resident_bytes());
  };
  fit(model, optimizer, noise(model, 5, 7),
      {.epochs = last / per_epoch + 1, .batch = 2, .on_step = look});
  return growth;
}

void expect_none(const Growth& growth) {
  ASSERT_GE(growth.steps, last);
  EXPECT_EQ(growth.late.tensors, growth.early.tensors);
  EXPECT_EQ(growth.late.nodes, growth.early.nodes);
  EXPECT_EQ(growth.late.heap, growth.early.heap);
  ASSERT_GT(growth.resident_early, 0u) << "no /proc/self/smaps_rollup";
  EXPECT_LE(growth.resident_late, growth.resident_early + resident_slack_bytes);
}

struct Case {
  const char* file;
  Update update;
};

class TenThousandSteps : public testing::TestWithParam<Case> {};

TEST_P(TenThousandSteps, LeaveMemoryAsTheTwentyFirstFoundIt) {
  Model model = Model::load(std::string(HONE_SOURCE_ROOT "/tests/models/") + GetParam().file);
  Momentum optimizer(model.trainable(all(), {.update = GetParam().update}), {.lr = 1e-4f});
  expect_none(train(model, optimizer));
}

INSTANTIATE_TEST_SUITE_P(OfASmallModel, TenThousandSteps,
                         testing::Values(Case{"har_watch_float32.tflite", Update::shadow},
                                         Case{"har_watch_int8.tflite", Update::shadow},
                                         Case{"har_watch_int8.tflite", Update::in_place}),
                         [](const auto& test) {
                           const std::string kind =
                               std::string(test.param.file).find("int8") != std::string::npos
                                   ? "int8"
                                   : "float32";
                           return kind +
                                  (test.param.update == Update::in_place ? "InPlace" : "Shadow");
                         });

}  // namespace
}  // namespace hone::tests
