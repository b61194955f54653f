#include "tests/ops/rows.h"

namespace hone::tests::dequantize_rows {

static Values reference(const Row&, const Inputs& in) { return in[0]; }

extern const OpRows dequantize{
    .op = "DEQUANTIZE",
    .reference = reference,
    .rows =
        {
            {"int8", {i8({2, 9}, 0.05f, -3).weight()}, {f32({2, 9})}},
            {"uint8", {u8({2, 9}, 0.05f, 100)}, {f32({2, 9})}},
            {"int16", {i16({2, 9}, 0.001f)}, {f32({2, 9})}},
            {"int4", {i4({3, 5}, 0.1f).constant()}, {f32({3, 5})}},
            {"float16", {f16({2, 9}).weight()}, {f32({2, 9})}},
            {"a scale for each row",
             {i8_axis({2, 9}, 0, {0.05f, 0.03f}).constant()},
             {f32({2, 9})}},
            {"a scale for each column",
             {i8_axis({5, 2}, 1, {0.05f, 0.03f}).constant()},
             {f32({5, 2})}},
            {"empty", {i8({0, 3}, 0.05f)}, {f32({0, 3})}},
        },
    .refused =
        {
            {{"no scale", {i8({4})}, {f32({4})}}, "scale"},
            {{"float32", {f32({4})}, {f32({4})}}, "float16"},
            {{"int8 output", {i8({4}, 0.1f)}, {i8({4}, 0.1f)}}, "float32"},
        },
};

}  // namespace hone::tests::dequantize_rows
