#include "tests/ops/rows.h"

namespace hone::tests::pad_rows {

static Arg paddings(Values values) {
  return i32({static_cast<std::int64_t>(values.size()) / 2, 2}).values(std::move(values));
}

static Values reference(const Row& row, const Inputs& in) {
  const Shape& x = row.shape_in(0);
  Values out(row.shape_out().numel());
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    std::vector<std::int64_t> index = index_of(x, i);
    for (std::size_t d = 0; d < x.rank(); ++d) index[d] += static_cast<std::int64_t>(in[1][2 * d]);
    out[offset_of(row.shape_out(), index)] = in[0][i];
  }
  return out;
}

extern const OpRows pad{
    .op = "PAD",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"around a picture",
             {f32({2, 3, 4, 2}), paddings({0, 0, 1, 2, 2, 0, 0, 0})},
             {f32({2, 6, 6, 2})}},
            {"channels", {f32({3, 2}), paddings({0, 0, 1, 1})}, {f32({3, 4})}},
            {"nothing", {f32({3, 2}), paddings({0, 0, 0, 0})}, {f32({3, 2})}},
            {"out of nothing", {f32({0, 2}), paddings({1, 1, 0, 0})}, {f32({2, 2})}},
            {"a scalar", {f32({}), paddings({})}, {f32({})}},
            {"eight dimensions",
             {f32({1, 2, 1, 2, 1, 2, 1, 2}),
              paddings({0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1})},
             {f32({2, 3, 1, 3, 2, 2, 1, 4})}},
            {"int8 with its zero point",
             {i8({3, 2}, 0.05f, -3), paddings({1, 0, 0, 1})},
             {i8({4, 3}, 0.05f, -3)}},
            {"int16", {i16({3}, 0.002f), paddings({1, 2})}, {i16({6}, 0.002f)}},
            {"int64", {i64({3}), paddings({1, 2})}, {i64({6})}},
        },
    .refused =
        {
            {{"less than nothing", {f32({3}), paddings({-1, 1})}, {f32({3})}}, "-1"},
            {{"too few pairs", {f32({3, 2}), paddings({1, 1})}, {f32({5, 2})}}, "pairs"},
        },
};

}  // namespace hone::tests::pad_rows
