#include <algorithm>
#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::softmax_rows {

static tflite::SoftmaxOptionsT beta(float b) {
  tflite::SoftmaxOptionsT o;
  o.beta = b;
  return o;
}

static Values reference(const Row& row, const Inputs& in) {
  const double b = row.options.as<tflite::SoftmaxOptionsT>().beta;
  const auto n = static_cast<std::size_t>(row.shape_in(0).back());
  Values y = in[0];
  for (std::size_t i = 0; i < y.size(); i += n) {
    double largest = b * y[i], sum = 0;
    for (std::size_t k = i; k < i + n; ++k) largest = std::max(largest, b * y[k]);
    for (std::size_t k = i; k < i + n; ++k) sum += std::exp(b * y[k] - largest);
    for (std::size_t k = i; k < i + n; ++k) y[k] = std::exp(b * y[k] - largest) / sum;
  }
  return y;
}

extern const OpRows softmax{
    .op = "SOFTMAX",
    .reference = reference,
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}, beta(1)},
            {"one class", {f32({4, 1})}, {f32({4, 1})}, beta(1)},
            {"vector", {f32({9})}, {f32({9})}, beta(1)},
            {"rank 4", {f32({2, 2, 3, 5})}, {f32({2, 2, 3, 5})}, beta(1)},
            {"more than one block", {f32({300, 40})}, {f32({300, 40})}, beta(1)},
            {"large logits", {f32({4, 9}).between(-90, 90)}, {f32({4, 9})}, beta(1)},
            {"beta 0.5", {f32({3, 7})}, {f32({3, 7})}, beta(0.5f)},
            {"beta 0", {f32({3, 7})}, {f32({3, 7})}, beta(0)},
            {"int8", {i8({8, 11}, 0.1f, 20)}, {i8({8, 11}, 1 / 256.0f, -128)}, beta(1)},
            {"int8 to int16",
             {i8({8, 11}, 0.1f, 20)},
             {i16({8, 11}, 1 / 65536.0f, -32768)},
             beta(1)},
            {"uint8 beta 2", {u8({8, 11}, 0.05f, 100)}, {u8({8, 11}, 1 / 256.0f, 0)}, beta(2)},
            {"int16",
             {i16({8, 11}, 0.0005f)},
             {i16({8, 11}, 1 / 32768.0f)},
             beta(1),
             {.steps = 20}},  // tables

        },
    .refused =
        {
            {{"scalar", {f32({})}, {f32({})}, beta(1)}, "dimensions"},
            {{"int8 output scale", {i8({3}, 0.1f)}, {i8({3}, 0.1f)}, beta(1)}, "scale"},
            {{"int16 off zero", {i16({3}, 0.1f, 1)}, {i16({3}, 1 / 32768.0f)}, beta(1)},
             "zero_point"},
            {{"int8 beta 0", {i8({3}, 0.1f)}, {i8({3}, 1 / 256.0f, -128)}, beta(0)}, "beta"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::softmax_rows
