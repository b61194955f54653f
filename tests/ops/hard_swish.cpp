#include <algorithm>

#include "tests/ops/rows.h"

namespace hone::tests::hard_swish_rows {

static Values reference(const Row&, const Inputs& in) {
  return map(in[0], [](double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; });
}

extern const OpRows hard_swish{
    .op = "HARD_SWISH",
    .reference = reference,
    .kinks = {-3.0, 3.0},
    .rows =
        {
            {"empty", {f32({0, 3}).between(-6, 6)}, {f32({0, 3})}},
            {"scalar", {f32({}).between(-6, 6)}, {f32({})}},
            {"odd size", {f32({2, 3, 7}).between(-6, 6)}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000}).between(-6, 6)}, {f32({3, 7000})}},
            {"int8", {i8({256}, 0.05f, 10)}, {i8({256}, 0.05f, -100)}},
            {"int8, another scale", {i8({256}, 0.04f)}, {i8({256}, 0.03f, -128)}},
            {"uint8", {u8({256}, 0.05f, 100)}, {u8({256}, 0.05f, 20)}},
        },
    .refused =
        {
            {{"int8 without a scale", {i8({3})}, {i8({3}, 0.1f)}}, "scale"},
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"an output scale too fine", {i8({3}, 0.5f)}, {i8({3}, 0.001f)}}, "scale"},
            {{"int32", {i32({3})}, {i32({3})}}, "type"},

        },
};

}  // namespace hone::tests::hard_swish_rows
