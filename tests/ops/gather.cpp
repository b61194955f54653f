#include "tests/ops/rows.h"

namespace hone::tests::gather_rows {

static tflite::GatherOptionsT options(int axis, int batch_dims = 0) {
  tflite::GatherOptionsT o;
  o.axis = axis;
  o.batch_dims = batch_dims;
  return o;
}

static Values reference(const Row& row, const Inputs& in) {
  const Shape &x = row.shape_in(0), &indices = row.shape_in(1);
  const auto o = row.options.as<tflite::GatherOptionsT>();
  const int axis = o.axis < 0 ? o.axis + static_cast<int>(x.rank()) : o.axis;
  const int extra = static_cast<int>(indices.rank()) - o.batch_dims;
  Values out(row.shape_out().numel());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::vector<std::int64_t> y = index_of(row.shape_out(), i);
    std::vector<std::int64_t> at(y.begin(), y.begin() + o.batch_dims);
    at.insert(at.end(), y.begin() + axis, y.begin() + axis + extra);
    std::vector<std::int64_t> from(y.begin(), y.begin() + axis);
    from.push_back(static_cast<std::int64_t>(in[1][offset_of(indices, at)]));
    from.insert(from.end(), y.begin() + axis + extra, y.end());
    out[i] = in[0][offset_of(x, from)];
  }
  return out;
}

extern const OpRows gather{
    .op = "GATHER",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"rows, one of them twice",
             {f32({5, 3}).weight(), ints({4, 0, 4, 2})},
             {f32({4, 3})},
             options(0)},
            {"columns", {f32({2, 4}), ints({3, 1, 1})}, {f32({2, 3})}, options(-1)},
            {"in the middle",
             {f32({2, 6, 3}), i32({2, 2}).values({5, 0, 2, 5})},
             {f32({2, 2, 2, 3})},
             options(1)},
            {"by batch",
             {f32({2, 5, 3}), i32({2, 3}).values({4, 0, 4, 1, 1, 2})},
             {f32({2, 3, 3})},
             options(1, 1)},
            {"by batch, further in",
             {f32({2, 3, 4}), i64({2, 2}).values({3, 0, 1, 1})},
             {f32({2, 3, 2})},
             options(2, 1)},
            {"one element", {f32({7}), i32({}).values({6})}, {f32({})}, options(0)},
            {"no index", {f32({5, 3}), ints({})}, {f32({0, 3})}, options(0)},
            {"int16 indices", {f32({5}), i16({2}).values({4, 1})}, {f32({2})}, options(0)},
            {"int8", {i8({5, 3}, 0.05f, -3), ints({4, 0})}, {i8({2, 3}, 0.05f, -3)}, options(0)},
            {"int64", {i64({5, 3}), ints({4, 0})}, {i64({2, 3})}, options(0)},
        },
    .refused =
        {
            {{"an index too far", {f32({5}), ints({5})}, {f32({1})}, options(0)}, "indices"},
            {{"an index before the begin", {f32({5}), ints({-1})}, {f32({1})}, options(0)},
             "indices"},
            {{"an axis too far", {f32({5}), ints({1})}, {f32({1})}, options(1)}, "axis"},
            {{"more batches than axes",
              {f32({2, 3}), i32({2, 1}).values({0, 1})},
              {f32({2, 3})},
              options(0, 1)},
             "batch_dims"},
            {{"float indices", {f32({5}), f32({1}).values({1})}, {f32({1})}, options(0)}, "int32"},
        },
};

}  // namespace hone::tests::gather_rows
