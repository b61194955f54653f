#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::rsqrt_rows {

static Values reference(const Row&, const Inputs& in) {
  return map(in[0], [](double x) { return 1 / std::sqrt(x); });
}

extern const OpRows rsqrt{
    .op = "RSQRT",
    .reference = reference,
    .rows =
        {
            {"empty", {f32({0, 3}).between(0.2, 5)}, {f32({0, 3})}},
            {"scalar", {f32({}).between(0.2, 5)}, {f32({})}},
            {"odd size", {f32({2, 3, 7}).between(0.2, 5)}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000}).between(0.2, 5)}, {f32({3, 7000})}},
            {"int8", {i8({256}, 0.02f, -128).between(0.2, 5)}, {i8({256}, 0.02f, -128)}},
            {"uint8", {u8({256}, 0.02f, 0).between(0.2, 5)}, {u8({256}, 0.02f, 0)}},
            {"int16", {i16({64}, 0.0002f).between(1, 6)}, {i16({64}, 0.0001f)}},
        },
    .refused =
        {
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"negative integers", {i8({2}, 0.1f, 4).values({0.3, -0.1})}, {i8({2}, 0.1f)}},
             "negative"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::rsqrt_rows
