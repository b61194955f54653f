#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::logistic_rows {

static Values reference(const Row&, const Inputs& in) {
  return map(in[0], [](double x) { return 1 / (1 + std::exp(-x)); });
}

extern const OpRows logistic{
    .op = "LOGISTIC",
    .reference = reference,
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}},
            {"scalar", {f32({})}, {f32({})}},
            {"odd size", {f32({2, 3, 7})}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000})}, {f32({3, 7000})}},
            {"far from 0", {f32({40}).between(-80, 80)}, {f32({40})}},
            {"int8", {i8({256}, 0.05f, 10)}, {i8({256}, 1 / 256.0f, -128)}},
            {"int8, another output scale", {i8({256}, 0.05f, 10)}, {i8({256}, 1 / 100.0f, -50)}},
            {"uint8", {u8({256}, 0.05f, 100)}, {u8({256}, 1 / 256.0f, 0)}},
            {"int16",
             {i16({64}, 1 / 4096.0f)},
             {i16({64}, 1 / 32768.0f)},
             {},
             {.steps = 4}},  // a table of 256
            {"int16, another scale",
             {i16({64}, 0.0003f)},
             {i16({64}, 1 / 32768.0f)},
             {},
             {.steps = 4}},
            {"int16, a large scale",
             {i16({64}, 3.0f)},
             {i16({64}, 1 / 32768.0f)},
             {},
             {.steps = 4}},
        },
    .refused =
        {
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"int16 off zero", {i16({3}, 0.1f, 1)}, {i16({3}, 0.1f)}}, "zero_point"},
            {{"int16 output scale", {i16({3}, 0.001f)}, {i16({3}, 0.001f)}}, "scale"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::logistic_rows
