#include "tests/ops/rows.h"

namespace hone::tests::slice_rows {

static Values reference(const Row& row, const Inputs& in) {
  Values out(row.shape_out().numel());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::vector<std::int64_t> index = index_of(row.shape_out(), i);
    for (std::size_t d = 0; d < index.size(); ++d) index[d] += static_cast<std::int64_t>(in[1][d]);
    out[i] = in[0][offset_of(row.shape_in(0), index)];
  }
  return out;
}

extern const OpRows slice{
    .op = "SLICE",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"inside", {f32({4, 5, 3}), ints({1, 0, 2}), ints({2, 5, 1})}, {f32({2, 5, 1})}},
            {"all that follows", {f32({4, 5}), ints({1, 2}), ints({-1, -1})}, {f32({3, 3})}},
            {"everything", {f32({4, 5}), ints({0, 0}), ints({4, 5})}, {f32({4, 5})}},
            {"nothing", {f32({4, 5}), ints({4, 0}), ints({0, 5})}, {f32({0, 5})}},
            {"a scalar", {f32({}), ints({}), ints({})}, {f32({})}},
            {"int64 positions", {f32({6}), i64({1}).values({2}), i64({1}).values({3})}, {f32({3})}},
            {"int8", {i8({4, 5}, 0.05f, -3), ints({1, 2}), ints({2, 2})}, {i8({2, 2}, 0.05f, -3)}},
            {"boolean", {boolean({9}), ints({3}), ints({4})}, {boolean({4})}},
        },
    .refused =
        {
            {{"beyond the end", {f32({4}), ints({2}), ints({3})}, {f32({3})}}, "size"},
            {{"a size of minus two", {f32({4}), ints({2}), ints({-2})}, {f32({2})}}, "size"},
            {{"before the begin", {f32({4}), ints({-1}), ints({2})}, {f32({2})}}, "begin"},
            {{"too few positions", {f32({4, 2}), ints({1}), ints({2})}, {f32({2, 2})}}, "begins"},
        },
};

}  // namespace hone::tests::slice_rows
