#include <cmath>

#include "tests/ops/rows.h"

namespace hone::tests::pow_rows {

static Values reference(const Row& row, const Inputs& in) {
  return map(row, in[0], in[1], [](double a, double b) { return std::pow(a, b); });
}

extern const OpRows pow{
    .op = "POW",
    .reference = reference,

    .rows =
        {
            {"empty", {f32({0, 3}).between(0.2, 3), f32({1, 3}).between(0.2, 3)}, {f32({0, 3})}},
            {"scalars", {f32({}).between(0.2, 3), f32({}).between(0.2, 3)}, {f32({})}},
            {"same shape",
             {f32({2, 3, 5}).between(0.2, 3), f32({2, 3, 5}).between(0.2, 3)},
             {f32({2, 3, 5})}},
            {"vector along the last axis",
             {f32({2, 3, 5}).between(0.2, 3), f32({5}).between(0.2, 3).weight()},
             {f32({2, 3, 5})}},
            {"scalar on the left",
             {f32({}).between(0.2, 3), f32({3, 4}).between(0.2, 3)},
             {f32({3, 4})}},
            {"both repeated",
             {f32({4, 1, 3, 1}).between(0.2, 3), f32({2, 1, 5}).between(0.2, 3)},
             {f32({4, 2, 3, 5})}},
            {"rank 8",
             {f32({2, 1, 2, 1, 2, 1, 2, 1}).between(0.2, 3),
              f32({1, 2, 1, 3, 1, 2, 1, 2}).between(0.2, 3)},
             {f32({2, 2, 2, 3, 2, 2, 2, 2})}},
            {"more than one block",
             {f32({130, 300}).between(0.2, 3), f32({130, 1}).between(0.2, 3)},
             {f32({130, 300})}},
            {"negative exponents",
             {f32({40}).between(0.3, 3), f32({40}).between(-3, 0)},
             {f32({40})}},
            {"int32", {i32({4, 5}), i32({5}).values({0, 1, 2, 3, 4})}, {i32({4, 5})}},
        },
    .refused =
        {
            {{"shapes that do not broadcast", {f32({2, 3}), f32({2})}, {f32({2, 3})}}, "broadcast"},
            {{"two types", {f32({3}), i32({3})}, {f32({3})}}, "type"},
            {{"negative integer exponent", {i32({2}), i32({2}).values({3, -1})}, {i32({2})}},
             "exponents"},
        },
};

}  // namespace hone::tests::pow_rows
