#include <limits>

#include "tests/ops/rows.h"

namespace hone::tests::leaky_relu_rows {

static tflite::LeakyReluOptionsT alpha(float a) {
  tflite::LeakyReluOptionsT o;
  o.alpha = a;
  return o;
}

// In double and from the format's definition, never from our kernel.
static Values reference(const Row& row, const Inputs& in) {
  const double a = row.options.as<tflite::LeakyReluOptionsT>().alpha;
  Values y = in[0];
  for (double& v : y) v = v > 0 ? v : a * v;
  return y;
}

extern const OpRows leaky_relu{
    .op = "LEAKY_RELU",
    .reference = reference,
    .kinks = {0.0},
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}, alpha(0.2f)},
            {"scalar", {f32({})}, {f32({})}, alpha(0.2f)},
            {"negative alpha", {f32({2, 7})}, {f32({2, 7})}, alpha(-0.5f)},
            {"no options: alpha 0", {f32({2, 7})}, {f32({2, 7})}},
            {"alpha above 1", {f32({2, 7})}, {f32({2, 7})}, alpha(1.7f)},
            {"int8 saturates", {i8({64}, 0.05f, -3)}, {i8({64}, 0.01f, 0)}, alpha(0.1f)},
            {"int8 negative alpha", {i8({64}, 0.05f, -3)}, {i8({64}, 0.05f, 5)}, alpha(-0.5f)},
            {"uint8", {u8({64}, 0.05f, 100)}, {u8({64}, 0.04f, 90)}, alpha(0.3f)},
            {"int16", {i16({64}, 0.002f)}, {i16({64}, 0.001f)}, alpha(0.1f)},
        },
    .refused =
        {
            {{"int16 off zero", {i16({4}, 0.002f, 1)}, {i16({4}, 0.001f)}, alpha(0.1f)},
             "zero_point"},
            {{"infinite alpha",
              {f32({4})},
              {f32({4})},
              alpha(std::numeric_limits<float>::infinity())},
             "alpha"},
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::leaky_relu_rows
