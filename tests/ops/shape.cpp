#include "tests/ops/rows.h"

namespace hone::tests::shape_rows {

static tflite::ShapeOptionsT as(tflite::TensorType type) {
  tflite::ShapeOptionsT options;
  options.out_type = type;
  return options;
}

static Values reference(const Row& row, const Inputs&) {
  return Values(row.shape_in(0).begin(), row.shape_in(0).end());
}

extern const OpRows shape{
    .op = "SHAPE",
    .reference = reference,
    .differentiable = false,
    .rows =
        {
            {"int32", {f32({2, 5, 3})}, {i32({3})}, as(tflite::TensorType_INT32)},
            {"int64", {f32({2, 5, 3})}, {i64({3})}, as(tflite::TensorType_INT64)},
            {"a scalar", {f32({})}, {i32({0})}, as(tflite::TensorType_INT32)},
            {"empty", {f32({0, 3})}, {i32({2})}, as(tflite::TensorType_INT32)},
            {"int8", {i8({4, 1}, 0.05f, -3)}, {i32({2})}, as(tflite::TensorType_INT32)},
        },
    .refused = {{{"float output", {f32({2})}, {f32({1})}}, "int32"}},
};

}  // namespace hone::tests::shape_rows
