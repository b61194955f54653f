#include "tests/ops/rows.h"

namespace hone::tests::fully_connected_rows {
namespace {

using Act = tflite::ActivationFunctionType;

tflite::FullyConnectedOptionsT dense(Act act = tflite::ActivationFunctionType_NONE,
                                     bool keep = false) {
  tflite::FullyConnectedOptionsT o;
  o.fused_activation_function = act;
  o.keep_num_dims = keep;
  return o;
}
tflite::FullyConnectedOptionsT shuffled() {
  auto o = dense();
  o.weights_format = tflite::FullyConnectedOptionsWeightsFormat_SHUFFLED4x16INT8;
  return o;
}

Values reference(const Row& row, const Inputs& in) {
  const auto outputs = static_cast<std::size_t>(row.shape_in(1)[0]);
  const auto inputs = static_cast<std::size_t>(row.shape_in(1)[1]);
  Values y(row.shape_out().numel());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t r = i / outputs, o = i % outputs;
    y[i] = row.has(2) ? in[2][o] : 0;
    for (std::size_t k = 0; k < inputs; ++k) y[i] += in[0][r * inputs + k] * in[1][o * inputs + k];
  }
  return y;
}

Arg weights(Shape shape) { return f32(shape).between(-0.5, 0.5).weight(); }
Arg bias(std::int64_t n) { return f32({n}).weight(); }

}  // namespace

extern const OpRows fully_connected{
    .op = "FULLY_CONNECTED",
    .reference = reference,
    .rows =
        {
            {"one row", {f32({1, 19}), weights({5, 19}), bias(5)}, {f32({1, 5})}, dense()},
            {"one output", {f32({6, 3}), weights({1, 3}), bias(1)}, {f32({6, 1})}, dense()},
            {"no bias", {f32({3, 8}), weights({4, 8}), absent()}, {f32({3, 4})}, dense()},
            {"many", {f32({9, 130}), weights({67, 130}), bias(67)}, {f32({9, 67})}, dense()},
            {"relu6",
             {f32({3, 8}), weights({4, 8}), bias(4)},
             {f32({3, 4})},
             dense(tflite::ActivationFunctionType_RELU6)},
            {"kept dimensions",
             {f32({2, 3, 8}), weights({4, 8}), bias(4)},
             {f32({2, 3, 4})},
             dense(tflite::ActivationFunctionType_NONE, true)},
            {"flattened", {f32({2, 2, 4}), weights({3, 8}), bias(3)}, {f32({2, 3})}, dense()},
            {"a vector", {f32({8}), weights({3, 8}), bias(3)}, {f32({1, 3})}, dense()},
            {"no rows", {f32({0, 8}), weights({3, 8}), bias(3)}, {f32({0, 3})}, dense()},
            {"int8",
             {i8({3, 20}, 0.02f, 5), i8({4, 20}, 0.01f).weight(), i32({4}, 0.0002f).constant()},
             {i8({3, 4}, 0.05f, -10)},
             dense()},
            {"int8 per axis saturates",
             {i8({3, 20}, 0.02f, -128), i8_axis({3, 20}, 0, {0.01f, 0.02f, 0.004f}).weight(),
              i32_axis({3}, 0, {0.0002f, 0.0004f, 0.00008f}).constant()},
             {i8({3, 3}, 0.01f, -128)},
             dense(tflite::ActivationFunctionType_RELU)},
            {"int8 without bias",
             {i8({3, 20}, 0.02f, 5), i8({4, 20}, 0.01f).weight(), absent()},
             {i8({3, 4}, 0.05f, -10)},
             dense()},
            {"uint8",
             {u8({3, 20}, 0.02f, 120), u8({4, 20}, 0.01f, 130).weight(),
              i32({4}, 0.0002f).constant()},
             {u8({3, 4}, 0.05f, 100)},
             dense()},
            {"int16",
             {i16({3, 20}, 0.0001f), i8({4, 20}, 0.01f).weight(), i64({4}, 0.000001f).constant()},
             {i16({3, 4}, 0.0005f)},
             dense()},
            {"int16 with an int32 bias",
             {i16({3, 20}, 0.0001f), i8({4, 20}, 0.01f).weight(), i32({4}, 0.000001f).constant()},
             {i16({3, 4}, 0.0005f)},
             dense()},
            {"int4 weights",
             {i8({3, 20}, 0.02f, 5), i4({4, 20}, 0.1f).weight(), i32({4}, 0.002f).constant()},
             {i8({3, 4}, 0.05f, 0)},
             dense()},
        },
    .refused =
        {
            {{"elements that do not divide",
              {f32({3, 7}), weights({4, 8}), bias(4)},
              {f32({3, 4})},
              dense()},
             "multiple of 8"},
            {{"last dimension",
              {f32({2, 2, 4}), weights({4, 8}), bias(4)},
              {f32({2, 2, 4})},
              dense(tflite::ActivationFunctionType_NONE, true)},
             "last dimension"},
            {{"weights of rank 3",
              {f32({3, 8}), weights({4, 2, 4}), bias(4)},
              {f32({3, 4})},
              dense()},
             "dimensions"},
            {{"bias of another length",
              {f32({3, 8}), weights({4, 8}), bias(5)},
              {f32({3, 4})},
              dense()},
             "bias"},
            {{"shuffled weights",
              {u8({3, 20}, 0.02f, 120), u8({4, 20}, 0.01f, 130).constant(),
               i32({4}, 0.0002f).constant()},
              {u8({3, 4}, 0.05f, 100)},
              shuffled()},
             "shuffled"},
            {{"a bias of floats",
              {i8({3, 20}, 0.02f, 5), i8({4, 20}, 0.01f).constant(), f32({4}).constant()},
              {i8({3, 4}, 0.05f, -10)},
              dense()},
             "bias"},
        },
};

}  // namespace hone::tests::fully_connected_rows
