#include "tests/ops/rows.h"

namespace hone::tests::expand_dims_rows {

static Values reference(const Row&, const Inputs& in) { return in[0]; }

extern const OpRows expand_dims{
    .op = "EXPAND_DIMS",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"in front", {f32({2, 3}), ints({0})}, {f32({1, 2, 3})}},
            {"between", {f32({2, 3}), ints({1})}, {f32({2, 1, 3})}},
            {"at the end", {f32({2, 3}), ints({-1})}, {f32({2, 3, 1})}},
            {"a scalar axis", {f32({2, 3}), i32({}).values({-3})}, {f32({1, 2, 3})}},
            {"a scalar", {f32({}), ints({0})}, {f32({1})}},
            {"empty", {f32({0}), ints({1})}, {f32({0, 1})}},
            {"int8", {i8({6}, 0.05f, -3), ints({0})}, {i8({1, 6}, 0.05f, -3)}},
        },
    .refused =
        {
            {{"an axis too far", {f32({2, 3}), ints({3})}, {f32({2, 3, 1})}}, "axis"},
            {{"two axes", {f32({2, 3}), ints({0, 1})}, {f32({1, 1, 2, 3})}}, "one axis"},
            {{"a ninth dimension", {f32({1, 1, 1, 1, 1, 1, 1, 1}), ints({0})}, {f32({1})}}, "8"},
        },
};

}  // namespace hone::tests::expand_dims_rows
