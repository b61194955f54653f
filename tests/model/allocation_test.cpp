/// A training step asks the system for no memory: from the second step on, malloc is not called.

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/data.h>
#include <hone/loss.h>
#include <hone/model.h>
#include <hone/optim.h>

#include "src/train/batch_step.h"

namespace {

bool counting = false;
std::size_t calls = 0;

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t n) {
  calls += counting;
  return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t each) {
  calls += counting;
  return __libc_calloc(n, each);
}
void* realloc(void* p, std::size_t n) {
  calls += counting;
  return __libc_realloc(p, n);
}
void* aligned_alloc(std::size_t alignment, std::size_t n) {
  calls += counting;
  return __libc_memalign(alignment, n);
}
}

namespace hone::tests {
namespace {

constexpr std::size_t samples = 8;

/// Noise in the shape of the model's input, with labels that go round.
Dataset noise(const Model& model) {
  Shape shape = model.inputs()[0].type.shape;
  shape[0] = samples;
  Tensor x(TensorType{DType::float32, shape}), y(TensorType{DType::int32, {shape[0]}});
  std::uint32_t state = 1;
  for (float& v : x.mutable_data<float>()) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  std::iota(y.mutable_data<std::int32_t>().begin(), y.mutable_data<std::int32_t>().end(), 0);
  for (std::int32_t& label : y.mutable_data<std::int32_t>()) label %= 7;
  return Dataset(x, y);
}

struct Case {
  const char* file;
  Update update;
  const char* selector;
  std::vector<std::size_t> recompute = {};
};

class Step : public testing::TestWithParam<Case> {};

TEST_P(Step, CallsNoMallocFromTheSecondOn) {
  Model model = Model::load(std::string(HONE_SOURCE_ROOT "/tests/models/") + GetParam().file);
  model.recompute(GetParam().recompute);
  Adam optimizer(model.trainable({GetParam().selector}, {.update = GetParam().update}));
  const Dataset data = noise(model);
  BatchStep step(model, optimizer, data, {.loss = Loss::xent, .batch = samples});
  std::vector<std::size_t> all(samples);
  std::iota(all.begin(), all.end(), std::size_t{0});
  step(all);
  counting = true;
  for (int i = 0; i < 5; ++i) step(all);
  counting = false;
  EXPECT_EQ(calls, 0u);
  calls = 0;
}

TEST_P(Step, WrittenByHandCallsNoMallocFromTheSecondOn) {
  Model model = Model::load(std::string(HONE_SOURCE_ROOT "/tests/models/") + GetParam().file);
  model.recompute(GetParam().recompute);
  Sgd optimizer(model.trainable({GetParam().selector}, {.update = GetParam().update}),
                {.lr = 0.01f});
  const Dataset data = noise(model);
  const std::vector<std::size_t> one{0};
  const Batch batch = data.gather(one);
  const auto step = [&] {
    const Variable loss = cross_entropy(model.logits(Variable(batch.x)), batch.labels);
    loss.backward();
    optimizer.step();
  };
  step();
  counting = true;
  for (int i = 0; i < 5; ++i) step();
  counting = false;
  EXPECT_EQ(calls, 0u);
  calls = 0;
}

INSTANTIATE_TEST_SUITE_P(
    Of, Step,
    testing::Values(Case{"har_watch_float32.tflite", Update::shadow, "all"},
                    Case{"har_watch_float32.tflite", Update::shadow, "last:1"},
                    Case{"har_watch_int8.tflite", Update::shadow, "all"},
                    Case{"har_watch_int8.tflite", Update::in_place, "all"},
                    Case{"har_watch_int8.tflite", Update::shadow, "all", {1, 2, 3, 4}}));

}  // namespace
}  // namespace hone::tests
