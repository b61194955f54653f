#include "tests/ops/rows.h"

namespace hone::tests::pack_rows {

static tflite::PackOptionsT options(int count, int axis) {
  tflite::PackOptionsT o;
  o.values_count = count;
  o.axis = axis;
  return o;
}

static Values reference(const Row& row, const Inputs& in) {
  const Shape& y = row.shape_out();
  const int given = row.options.as<tflite::PackOptionsT>().axis;
  const int axis = given < 0 ? given + static_cast<int>(y.rank()) : given;
  Values out(y.numel());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::vector<std::int64_t> index = index_of(y, i);
    const auto part = static_cast<std::size_t>(index[static_cast<std::size_t>(axis)]);
    index.erase(index.begin() + axis);
    out[i] = in[part][offset_of(row.shape_in(part), index)];
  }
  return out;
}

extern const OpRows pack{
    .op = "PACK",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"in front", {f32({2, 3}), f32({2, 3})}, {f32({2, 2, 3})}, options(2, 0)},
            {"in the middle",
             {f32({2, 3}), f32({2, 3}), f32({2, 3})},
             {f32({2, 3, 3})},
             options(3, 1)},
            {"at the end", {f32({2, 3}), f32({2, 3})}, {f32({2, 3, 2})}, options(2, -1)},
            {"scalars", {f32({}), f32({}), f32({})}, {f32({3})}, options(3, 0)},
            {"empty", {f32({0}), f32({0})}, {f32({0, 2})}, options(2, 1)},
            {"int8",
             {i8({5}, 0.05f, -3), i8({5}, 0.05f, -3)},
             {i8({2, 5}, 0.05f, -3)},
             options(2, 0)},
            {"int32", {i32({5}), i32({5})}, {i32({5, 2})}, options(2, 1)},
        },
    .refused =
        {
            {{"another shape", {f32({2}), f32({3})}, {f32({2, 2})}, options(2, 0)}, "shape"},
            {{"another type", {f32({2}), i32({2})}, {f32({2, 2})}, options(2, 0)}, "type"},
            {{"another count", {f32({2}), f32({2})}, {f32({2, 2})}, options(3, 0)}, "3 inputs"},
            {{"an axis too far", {f32({2}), f32({2})}, {f32({2, 2})}, options(2, 2)}, "axis"},
        },
};

}  // namespace hone::tests::pack_rows
