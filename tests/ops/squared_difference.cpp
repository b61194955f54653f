#include "tests/ops/rows.h"

namespace hone::tests::squared_difference_rows {

static Values reference(const Row& row, const Inputs& in) {
  return map(row, in[0], in[1], [](double a, double b) { return (a - b) * (a - b); });
}

extern const OpRows squared_difference{
    .op = "SQUARED_DIFFERENCE",
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
            {"int8",
             {i8({2, 3, 16}, 0.04f, 5), i8({16}, 0.02f, -7).weight()},
             {i8({2, 3, 16}, 0.2f, -128)}},
            {"int32", {i32({4, 5}), i32({5})}, {i32({4, 5})}},
        },
    .refused =
        {
            {{"shapes that do not broadcast", {f32({2, 3}), f32({2})}, {f32({2, 3})}}, "broadcast"},
            {{"two types", {f32({3}), i32({3})}, {f32({3})}}, "type"},
            {{"int8 without scales", {i8({3}), i8({3})}, {i8({3}, 0.1f)}}, "scale"},
        },
};

}  // namespace hone::tests::squared_difference_rows
