#include "tests/ops/rows.h"

namespace hone::tests::relu6_rows {

static Values reference(const Row&, const Inputs& in) { return in[0]; }

extern const OpRows relu6{
    .op = "RELU6",
    .reference = reference,
    .kinks = {0.0, 6.0},
    .activation = Activation::relu6,
    .rows =
        {
            {"empty", {f32({0, 3}).between(-9, 9)}, {f32({0, 3})}},
            {"scalar", {f32({}).between(-9, 9)}, {f32({})}},
            {"odd size", {f32({2, 3, 7}).between(-9, 9)}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000}).between(-9, 9)}, {f32({3, 7000})}},
            {"int8", {i8({256}, 0.05f, 10)}, {i8({256}, 0.05f, 10)}},
            {"int8, another scale", {i8({256}, 0.08f, 10)}, {i8({256}, 0.03f, -128)}},
            {"uint8", {u8({256}, 0.08f, 100)}, {u8({256}, 0.05f, 0)}},
            {"int16", {i16({64}, 0.0003f)}, {i16({64}, 0.0002f)}},
        },
    .refused =
        {
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"int16 off zero", {i16({3}, 0.1f, 1)}, {i16({3}, 0.1f)}}, "zero_point"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::relu6_rows
