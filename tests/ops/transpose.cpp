#include "tests/ops/rows.h"

namespace hone::tests::transpose_rows {

static Values reference(const Row& row, const Inputs& in) {
  const Shape &x = row.shape_in(0), &y = row.shape_out();
  const auto rank = static_cast<double>(x.rank());
  Values out(y.numel());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::vector<std::int64_t> to = index_of(y, i);
    std::vector<std::int64_t> from(to.size());
    for (std::size_t d = 0; d < to.size(); ++d) {
      const double axis = in[1][d] < 0 ? in[1][d] + rank : in[1][d];
      from[static_cast<std::size_t>(axis)] = to[d];
    }
    out[i] = in[0][offset_of(x, from)];
  }
  return out;
}

extern const OpRows transpose{
    .op = "TRANSPOSE",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"rows and columns", {f32({3, 5}), ints({1, 0})}, {f32({5, 3})}},
            {"more than a tile", {f32({37, 41}), ints({1, 0})}, {f32({41, 37})}},
            {"channels first", {f32({2, 3, 4, 5}), ints({0, 3, 1, 2})}, {f32({2, 5, 3, 4})}},
            {"odd pictures", {f32({3, 17, 3, 9}), ints({0, 3, 1, 2})}, {f32({3, 9, 17, 3})}},
            {"channels last", {f32({2, 5, 3, 4}), ints({0, 2, 3, 1})}, {f32({2, 3, 4, 5})}},
            {"axes from the end", {f32({2, 3, 4}), ints({-1, 0, -2})}, {f32({4, 2, 3})}},
            {"nothing moves", {f32({2, 3}), ints({0, 1})}, {f32({2, 3})}},
            {"eight dimensions",
             {f32({2, 1, 3, 2, 1, 2, 3, 2}), ints({7, 3, 5, 1, 0, 2, 6, 4})},
             {f32({2, 2, 2, 1, 2, 3, 3, 1})}},
            {"a scalar", {f32({}), ints({})}, {f32({})}},
            {"empty", {f32({2, 0, 3}), ints({2, 0, 1})}, {f32({3, 2, 0})}},
            {"int8", {i8({3, 5}, 0.05f, -3), ints({1, 0})}, {i8({5, 3}, 0.05f, -3)}},
            {"int16", {i16({3, 5}, 0.002f), ints({1, 0})}, {i16({5, 3}, 0.002f)}},
            {"int32", {i32({19, 23}), ints({1, 0})}, {i32({23, 19})}},
            {"int64", {i64({3, 5}), ints({1, 0})}, {i64({5, 3})}},
            {"boolean", {boolean({3, 5}), ints({1, 0})}, {boolean({5, 3})}},
            {"float16", {f16({3, 5}), ints({1, 0})}, {f16({5, 3})}},
        },
    .refused =
        {
            {{"an axis twice", {f32({2, 3}), ints({1, 1})}, {f32({3, 3})}}, "twice"},
            {{"an axis too far", {f32({2, 3}), ints({0, 2})}, {f32({2, 3})}}, "axis"},
            {{"too few axes", {f32({2, 3}), ints({0})}, {f32({2})}}, "permutation"},
        },
};

}  // namespace hone::tests::transpose_rows
