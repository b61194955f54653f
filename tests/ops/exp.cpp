#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::exp_rows {

static Values reference(const Row&, const Inputs& in) {
  return map(in[0], [](double x) { return std::exp(x); });
}

extern const OpRows exp{
    .op = "EXP",
    .reference = reference,
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}},
            {"scalar", {f32({})}, {f32({})}},
            {"odd size", {f32({2, 3, 7})}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000})}, {f32({3, 7000})}},
            {"int8", {i8({256}, 0.02f, 30)}, {i8({256}, 0.05f, -128)}},
            {"uint8", {u8({256}, 0.02f, 200)}, {u8({256}, 0.05f, 0)}},
            // 512 straight pieces
            {"int16", {i16({64}, 0.0001f)}, {i16({64}, 0.001f)}, {}, {.steps = 3}},
        },
    .refused =
        {
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::exp_rows
