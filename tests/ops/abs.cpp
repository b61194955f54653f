#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::abs_rows {

static Values reference(const Row&, const Inputs& in) {
  return map(in[0], [](double x) { return std::abs(x); });
}

extern const OpRows abs{
    .op = "ABS",
    .reference = reference,
    .kinks = {0.0},
    .rows =
        {
            {"empty", {f32({0, 3})}, {f32({0, 3})}},
            {"scalar", {f32({})}, {f32({})}},
            {"odd size", {f32({2, 3, 7})}, {f32({2, 3, 7})}},
            {"more than one block", {f32({3, 7000})}, {f32({3, 7000})}},
            {"int8", {i8({256}, 0.02f, 10)}, {i8({256}, 0.02f, 10)}},
            {"int8, another scale", {i8({256}, 0.02f)}, {i8({256}, 0.03f, -100)}},
            {"int16", {i16({64}, 0.0002f)}, {i16({64}, 0.0002f)}},
            {"plain int16", {i16({64})}, {i16({64})}},
            {"int32", {i32({3, 5})}, {i32({3, 5})}},
        },
    .refused =
        {
            {{"int8 with an output without a scale", {i8({3}, 0.1f)}, {i8({3})}}, "quantized"},
            {{"bool", {boolean({3})}, {boolean({3})}}, "type"},

        },
};

}  // namespace hone::tests::abs_rows
