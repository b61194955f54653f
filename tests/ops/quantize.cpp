#include "tests/ops/rows.h"

namespace hone::tests::quantize_rows {

static Values reference(const Row&, const Inputs& in) { return in[0]; }

// Scales for each index of an axis: the recorded outputs have them.
extern const OpRows quantize{
    .op = "QUANTIZE",
    .reference = reference,
    .rows =
        {
            {"int8", {f32({2, 9})}, {i8({2, 9}, 0.05f, -3)}},
            {"int8 saturates", {f32({64})}, {i8({64}, 0.01f, 4)}},
            {"uint8", {f32({2, 9})}, {u8({2, 9}, 0.05f, 100)}},
            {"int16", {f32({2, 9})}, {i16({2, 9}, 0.001f)}},
            {"empty", {f32({0, 3})}, {i8({0, 3}, 0.05f)}},
            {"int8 to int8", {i8({64}, 0.05f, -3)}, {i8({64}, 0.03f, 7)}},
            {"int8 to uint8", {i8({64}, 0.05f, -3)}, {u8({64}, 0.05f, 125)}},
            {"uint8 to int8", {u8({64}, 0.05f, 130)}, {i8({64}, 0.03f, 7)}},
            {"int16 to int8", {i16({64}, 0.0002f)}, {i8({64}, 0.05f, -3)}},
            {"int8 to int16", {i8({64}, 0.05f, -3)}, {i16({64}, 0.0003f)}},
            {"int16 to int32", {i16({64}, 0.0002f)}, {i32({64}, 0.0001f)}},
            {"int32 to int8", {i32({64}, 0.001f)}, {i8({64}, 0.01f, -3)}},
        },
    .refused =
        {
            {{"an output without a scale", {f32({4})}, {i8({4})}}, "scale"},
            {{"an input without a scale", {i8({4})}, {i8({4}, 0.1f)}}, "scale"},
            {{"float output", {f32({4})}, {f32({4})}}, "output"},
            {{"int16 off zero", {f32({4})}, {i16({4}, 0.002f, 1)}}, "zero_point"},
        },
};

}  // namespace hone::tests::quantize_rows
