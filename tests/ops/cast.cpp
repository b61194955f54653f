#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::cast_rows {

static Values reference(const Row& row, const Inputs& in) {
  const DType to = row.outputs[0].type.dtype;
  Values y = in[0];
  for (double& v : y) {
    if (to == DType::boolean) v = v != 0 ? 1 : 0;
    if (is_integer(to)) v = std::trunc(v);
    if (to == DType::uint8) v = v < 0 ? 0 : v;
  }
  return y;
}

static tflite::CastOptionsT types(tflite::TensorType from, tflite::TensorType to) {
  tflite::CastOptionsT options;
  options.in_data_type = from;
  options.out_data_type = to;
  return options;
}

extern const OpRows cast{
    .op = "CAST",
    .reference = reference,
    .rows =
        {
            {"float32 to int8", {f32({64}).between(-100, 100)}, {i8({64})}},
            {"float32 to uint8 saturates", {f32({64}).between(-20, 100)}, {u8({64})}},
            {"float32 to int32", {f32({64}).between(-1000, 1000)}, {i32({64})}},
            {"float32 to int64", {f32({64}).between(-1000, 1000)}, {i64({64})}},
            {"float32 to boolean", {f32({4}).values({0, 1, -0.25, 0})}, {boolean({4})}},
            {"float16 to float32", {f16({9})}, {f32({9})}},
            {"float64 to float32", {f64({9})}, {f32({9})}},
            {"int8 to float32",
             {i8({9})},
             {f32({9})},
             types(tflite::TensorType_INT8, tflite::TensorType_FLOAT32)},
            {"int32 to int64", {i32({9})}, {i64({9})}},
            {"int64 to boolean", {i64({9})}, {boolean({9})}},
            {"boolean to float32", {boolean({9})}, {f32({9})}},
            {"empty", {f32({0, 3})}, {i8({0, 3})}},
        },
};

}  // namespace hone::tests::cast_rows
