#include "tests/ops/rows.h"

namespace hone::tests::sub_rows {

static tflite::SubOptionsT fused(tflite::ActivationFunctionType activation) {
  tflite::SubOptionsT o;
  o.fused_activation_function = activation;
  return o;
}

static Values reference(const Row& row, const Inputs& in) {
  return map(row, in[0], in[1], [](double a, double b) { return a - b; });
}

extern const OpRows sub{
    .op = "SUB",
    .reference = reference,

    .rows =
        {
            {"empty", {f32({0, 3}), f32({1, 3})}, {f32({0, 3})}},
            {"scalars", {f32({}), f32({})}, {f32({})}},
            {"same shape", {f32({2, 3, 5}), f32({2, 3, 5})}, {f32({2, 3, 5})}},
            {"vector along the last axis", {f32({2, 3, 5}), f32({5}).weight()}, {f32({2, 3, 5})}},
            {"scalar on the left", {f32({}), f32({3, 4})}, {f32({3, 4})}},
            {"both repeated", {f32({4, 1, 3, 1}), f32({2, 1, 5})}, {f32({4, 2, 3, 5})}},
            {"rank 8",
             {f32({2, 1, 2, 1, 2, 1, 2, 1}), f32({1, 2, 1, 3, 1, 2, 1, 2})},
             {f32({2, 2, 2, 3, 2, 2, 2, 2})}},
            {"more than one block", {f32({130, 300}), f32({130, 1})}, {f32({130, 300})}},
            {"relu",
             {f32({2, 8}), f32({8})},
             {f32({2, 8})},
             fused(tflite::ActivationFunctionType_RELU)},
            {"relu6",
             {f32({2, 8}), f32({8})},
             {f32({2, 8})},
             fused(tflite::ActivationFunctionType_RELU6)},
            {"relu_n1_to_1",
             {f32({2, 8}), f32({8})},
             {f32({2, 8})},
             fused(tflite::ActivationFunctionType_RELU_N1_TO_1)},
            {"int8",
             {i8({2, 3, 16}, 0.04f, 5), i8({16}, 0.02f, -7).weight()},
             {i8({2, 3, 16}, 0.06f, 3)}},
            {"int8 relu6",
             {i8({64}, 0.05f, 5), i8({64}, 0.05f, -7)},
             {i8({64}, 0.04f, -100)},
             fused(tflite::ActivationFunctionType_RELU6)},
            {"int8 saturates", {i8({64}, 0.05f), i8({64}, 0.05f)}, {i8({64}, 0.01f)}},
            {"uint8", {u8({4, 16}, 0.04f, 120), u8({16}, 0.02f, 100)}, {u8({4, 16}, 0.06f, 90)}},
            {"int16", {i16({4, 16}, 0.0001f), i16({16}, 0.0002f)}, {i16({4, 16}, 0.0003f)}},
            {"int16 by shifts",
             {i16({64}, 1 / 4096.0f), i16({64}, 1 / 8192.0f)},
             {i16({64}, 1 / 4096.0f)}},
            {"int16 powers of two, output finer",
             {i16({64}, 1 / 4096.0f), i16({64}, 1 / 8192.0f)},
             {i16({64}, 1 / 16384.0f)}},
            {"int32", {i32({4, 5}), i32({5})}, {i32({4, 5})}},
            {"int32 relu",
             {i32({4, 5}), i32({5})},
             {i32({4, 5})},
             fused(tflite::ActivationFunctionType_RELU)},
            {"int64", {i64({4, 5}), i64({4, 1})}, {i64({4, 5})}},
        },
    .refused =
        {
            {{"shapes that do not broadcast", {f32({2, 3}), f32({2})}, {f32({2, 3})}}, "broadcast"},
            {{"two types", {f32({3}), i32({3})}, {f32({3})}}, "type"},
            {{"unknown activation",
              {f32({3}), f32({3})},
              {f32({3})},
              fused(static_cast<tflite::ActivationFunctionType>(9))},
             "activation"},
            {{"int8 without scales", {i8({3}), i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f), i8({3}, 0.1f)}, {i8({3})}},
             "quantized"},
            {{"int16 off zero", {i16({3}, 0.1f, 1), i16({3}, 0.1f)}, {i16({3}, 0.1f)}},
             "zero_point"},
            {{"output scale out of reach", {i8({3}, 1.0f), i8({3}, 1.0f)}, {i8({3}, 1e-7f)}},
             "scale"},
        },
};

}  // namespace hone::tests::sub_rows
