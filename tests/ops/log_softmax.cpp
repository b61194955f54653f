#include <cmath>
#include <cstddef>

#include "tests/ops/rows.h"

namespace hone::tests::log_softmax_rows {

static Values reference(const Row& row, const Inputs& in) {
  const auto n = static_cast<std::size_t>(row.shape_in(0).back());
  Values y = in[0];
  for (std::size_t i = 0; i < y.size(); i += n) {
    std::size_t top = i;
    for (std::size_t k = i; k < i + n; ++k) top = y[k] > y[top] ? k : top;
    const double largest = y[top];
    double others = 0;
    for (std::size_t k = i; k < i + n; ++k) others += k == top ? 0 : std::exp(y[k] - largest);
    for (std::size_t k = i; k < i + n; ++k) y[k] = y[k] - largest - std::log1p(others);
  }
  return y;
}

extern const OpRows log_softmax{
    .op = "LOG_SOFTMAX",
    .reference = reference,
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}},
            {"one class", {f32({4, 1})}, {f32({4, 1})}},
            {"vector", {f32({9})}, {f32({9})}},
            {"rank 4", {f32({2, 2, 3, 5})}, {f32({2, 2, 3, 5})}},
            {"more than one block", {f32({300, 40})}, {f32({300, 40})}},
            {"large logits", {f32({4, 9}).between(-90, 90)}, {f32({4, 9})}},
            {"int8", {i8({8, 11}, 0.1f, 20)}, {i8({8, 11}, 16 / 256.0f, 127)}},
            {"uint8", {u8({8, 11}, 0.05f, 100)}, {u8({8, 11}, 16 / 256.0f, 255)}},

        },
    .refused =
        {
            {{"scalar", {f32({})}, {f32({})}}, "dimensions"},
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::log_softmax_rows
