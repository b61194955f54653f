#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::tanh_rows {

static Values reference(const Row&, const Inputs& in) {
  return map(in[0], [](double x) { return std::tanh(x); });
}

extern const OpRows tanh{
    .op = "TANH",
    .reference = reference,
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}},
            {"scalar", {f32({})}, {f32({})}},
            {"odd size", {f32({2, 3, 7})}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000})}, {f32({3, 7000})}},
            {"far from 0", {f32({40}).between(-30, 30)}, {f32({40})}},
            {"int8", {i8({256}, 0.03f, 10)}, {i8({256}, 1 / 128.0f)}},
            {"uint8", {u8({256}, 0.03f, 100)}, {u8({256}, 1 / 128.0f, 128)}},
            {"int16",
             {i16({64}, 1 / 8192.0f)},
             {i16({64}, 1 / 32768.0f)},
             {},
             {.steps = 10}},  // a table of 256
            {"int16, another scale",
             {i16({64}, 0.0001f)},
             {i16({64}, 1 / 32768.0f)},
             {},
             {.steps = 10}},
        },
    .refused =
        {
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"int16 off zero", {i16({3}, 0.1f, 1)}, {i16({3}, 0.1f)}}, "zero_point"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::tanh_rows
