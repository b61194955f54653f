#include "tests/ops/rows.h"

namespace hone::tests::div_rows {

static tflite::DivOptionsT fused(tflite::ActivationFunctionType activation) {
  tflite::DivOptionsT o;
  o.fused_activation_function = activation;
  return o;
}

static Values reference(const Row& row, const Inputs& in) {
  return map(row, in[0], in[1], [](double a, double b) { return a / b; });
}

extern const OpRows div{
    .op = "DIV",
    .reference = reference,

    .rows =
        {
            {"empty", {f32({0, 3}), f32({1, 3}).between(0.3, 3)}, {f32({0, 3})}},
            {"scalars", {f32({}), f32({}).between(0.3, 3)}, {f32({})}},
            {"same shape", {f32({2, 3, 5}), f32({2, 3, 5}).between(0.3, 3)}, {f32({2, 3, 5})}},
            {"vector along the last axis",
             {f32({2, 3, 5}), f32({5}).between(0.3, 3).weight()},
             {f32({2, 3, 5})}},
            {"scalar on the left", {f32({}), f32({3, 4}).between(0.3, 3)}, {f32({3, 4})}},
            {"both repeated",
             {f32({4, 1, 3, 1}), f32({2, 1, 5}).between(0.3, 3)},
             {f32({4, 2, 3, 5})}},
            {"rank 8",
             {f32({2, 1, 2, 1, 2, 1, 2, 1}), f32({1, 2, 1, 3, 1, 2, 1, 2}).between(0.3, 3)},
             {f32({2, 2, 2, 3, 2, 2, 2, 2})}},
            {"more than one block",
             {f32({130, 300}), f32({130, 1}).between(0.3, 3)},
             {f32({130, 300})}},
            {"relu",
             {f32({2, 8}), f32({8}).between(0.3, 3)},
             {f32({2, 8})},
             fused(tflite::ActivationFunctionType_RELU)},
            {"relu6",
             {f32({2, 8}), f32({8}).between(0.3, 3)},
             {f32({2, 8})},
             fused(tflite::ActivationFunctionType_RELU6)},
            {"relu_n1_to_1",
             {f32({2, 8}), f32({8}).between(0.3, 3)},
             {f32({2, 8})},
             fused(tflite::ActivationFunctionType_RELU_N1_TO_1)},
            {"negative divisors", {f32({40}), f32({40}).between(-3, -0.3)}, {f32({40})}},
            {"int8",
             {i8({2, 3, 16}, 0.04f, 5), i8({16}, 0.02f, -7).between(0.4, 2.5).weight()},
             {i8({2, 3, 16}, 0.1f, 3)}},
            {"int8 relu6",
             {i8({64}, 0.05f, 5), i8({64}, 0.05f, -7).between(0.5, 5)},
             {i8({64}, 0.04f, -100)},
             fused(tflite::ActivationFunctionType_RELU6)},
            {"uint8",
             {u8({4, 16}, 0.04f, 120), u8({16}, 0.02f, 100).between(-2, -0.4)},
             {u8({4, 16}, 0.1f, 90)}},
            {"int16",
             {i16({4, 16}, 0.0001f), i16({16}, 0.0002f).between(0.5, 6)},
             {i16({4, 16}, 0.0003f)}},
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
            {{"int8 divisor 0",
              {i8({2}, 0.1f), i8({2}, 0.1f, 4).values({0.3, 0})},
              {i8({2}, 0.1f)}},
             "divisor"},
            {{"int32 divisor 0", {i32({2}), i32({2}).values({3, 0})}, {i32({2})}}, "divisor"},
            {{"int64", {i64({2}), i64({2})}, {i64({2})}}, "type"},
        },
};

}  // namespace hone::tests::div_rows
