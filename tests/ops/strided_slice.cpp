#include <algorithm>

#include "tests/ops/rows.h"

namespace hone::tests::strided_slice_rows {

static tflite::StridedSliceOptionsT masks(int begin, int end, int ellipsis = 0, int new_axis = 0,
                                          int shrink = 0, bool offset = false) {
  tflite::StridedSliceOptionsT options;
  options.begin_mask = begin;
  options.end_mask = end;
  options.ellipsis_mask = ellipsis;
  options.new_axis_mask = new_axis;
  options.shrink_axis_mask = shrink;
  options.offset = offset;
  return options;
}

/// The positions that Python's range over slice(begin, end, stride).indices(dim) visits.
static std::vector<std::int64_t> positions(std::int64_t dim, std::int64_t begin, std::int64_t end,
                                           std::int64_t stride, bool from_open, bool to_open) {
  const std::int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;
  const auto place = [&](std::int64_t v) { return std::clamp(v < 0 ? v + dim : v, low, high); };
  const std::int64_t first = from_open ? (stride > 0 ? low : high) : place(begin);
  const std::int64_t last = to_open ? (stride > 0 ? high : low) : place(end);
  std::vector<std::int64_t> all;
  for (std::int64_t i = first; stride > 0 ? i < last : i > last; i += stride) all.push_back(i);
  return all;
}

static Values reference(const Row& row, const Inputs& in) {
  const auto o = row.options.as<tflite::StridedSliceOptionsT>();
  const Shape& x = row.shape_in(0);
  const std::size_t n = in[1].size();
  const auto bit = [](int mask, std::size_t i) { return (mask >> i & 1) != 0; };
  std::size_t named = 0;
  for (std::size_t i = 0; i < n; ++i) named += bit(o.ellipsis_mask | o.new_axis_mask, i) ? 0 : 1;
  std::vector<std::vector<std::int64_t>> taken;  // of each dimension of x
  const auto whole = [&] { taken.push_back(positions(x[taken.size()], 0, 0, 1, true, true)); };
  for (std::size_t i = 0; i < n; ++i) {
    if (bit(o.ellipsis_mask, i)) {
      for (std::size_t k = x.rank() - named; k > 0; --k) whole();
    } else if (!bit(o.new_axis_mask, i)) {
      const std::int64_t dim = x[taken.size()];
      const auto begin = static_cast<std::int64_t>(in[1][i]);
      const auto end = static_cast<std::int64_t>(in[2][i]) + (o.offset ? begin : 0);
      if (bit(o.shrink_axis_mask, i)) {
        taken.push_back({begin < 0 ? begin + dim : begin});
      } else {
        taken.push_back(positions(dim, begin, end, static_cast<std::int64_t>(in[3][i]),
                                  bit(o.begin_mask, i), bit(o.end_mask, i)));
      }
    }
  }
  while (taken.size() < x.rank()) whole();
  Shape counts;  // y but for its dimensions of 1
  for (const auto& t : taken) counts.append(static_cast<std::int64_t>(t.size()));
  Values out(counts.numel());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::vector<std::int64_t> index = index_of(counts, i);
    for (std::size_t d = 0; d < index.size(); ++d) {
      index[d] = taken[d][static_cast<std::size_t>(index[d])];
    }
    out[i] = in[0][offset_of(x, index)];
  }
  return out;
}

extern const OpRows strided_slice{
    .op = "STRIDED_SLICE",
    .reference = reference,
    .moves = true,
    .rows =
        {
            {"every second",
             {f32({6, 5}), ints({0, 1}), ints({6, 5}), ints({2, 2})},
             {f32({3, 2})}},
            {"backwards", {f32({5}), ints({-1}), ints({-4}), ints({-1})}, {f32({3})}},
            {"all backwards",
             {f32({3, 4}), ints({0, 0}), ints({0, 0}), ints({-1, -3})},
             {f32({3, 2})},
             masks(3, 3)},
            {"open begin and end",
             {f32({4, 5}), ints({9, 2}), ints({2, 9}), ints({1, 1})},
             {f32({2, 3})},
             masks(1, 2)},
            {"beyond both ends", {f32({5}), ints({-100}), ints({100}), ints({2})}, {f32({3})}},
            {"fewer positions than dimensions",
             {f32({4, 3, 2}), ints({1}), ints({3}), ints({1})},
             {f32({2, 3, 2})}},
            {"one element",
             {f32({4, 3}), ints({-2, 0}), ints({0, 3}), ints({1, 1})},
             {f32({3})},
             masks(0, 0, 0, 0, 1)},
            {"all dimensions shrink",
             {f32({4, 3}), ints({1, 2}), ints({2, 3}), ints({1, 1})},
             {f32({})},
             masks(0, 0, 0, 0, 3)},
            {"an ellipsis",
             {f32({3, 2, 4, 5}), ints({0, 0, 1}), ints({2, 0, 3}), ints({1, 1, 1})},
             {f32({2, 2, 4, 2})},
             masks(0, 0, 2)},
            {"an empty ellipsis",
             {f32({3, 5}), ints({0, 0, 1}), ints({2, 0, 3}), ints({1, 1, 1})},
             {f32({2, 2})},
             masks(0, 0, 2)},
            {"a new axis",
             {f32({3, 5}), ints({0, 0, 1}), ints({2, 0, 3}), ints({1, 1, 2})},
             {f32({2, 1, 1})},
             masks(0, 0, 0, 2)},
            {"a new axis after an ellipsis",
             {f32({3, 5}), ints({0, 0}), ints({0, 0}), ints({1, 1})},
             {f32({3, 5, 1})},
             masks(0, 0, 1, 2)},
            {"end counts from begin",
             {f32({6}), ints({2}), ints({3}), ints({1})},
             {f32({3})},
             masks(0, 0, 0, 0, 0, true)},
            {"nothing", {f32({4, 3}), ints({2, 0}), ints({1, 3}), ints({1, 1})}, {f32({0, 3})}},
            {"int8", {i8({6}, 0.05f, -3), ints({4}), ints({0}), ints({-2})}, {i8({2}, 0.05f, -3)}},
            {"int64", {i64({6}), ints({4}), ints({0}), ints({-2})}, {i64({2})}},
        },
    .refused =
        {
            {{"a stride of zero", {f32({4}), ints({0}), ints({4}), ints({0})}, {f32({4})}},
             "stride"},
            {{"two ellipses",
              {f32({4, 3}), ints({0, 0}), ints({0, 0}), ints({1, 1})},
              {f32({4, 3})},
              masks(0, 0, 3)},
             "ellipsis"},
            {{"too many positions",
              {f32({4}), ints({0, 0}), ints({1, 1}), ints({1, 1})},
              {f32({1})}},
             "positions"},
            {{"fewer ends than begins",
              {f32({4, 3}), ints({0, 0}), ints({1}), ints({1, 1})},
              {f32({1, 1})}},
             "ends"},
            {{"an index too far",
              {f32({4}), ints({4}), ints({5}), ints({1})},
              {f32({})},
              masks(0, 0, 0, 0, 1)},
             "index"},
        },
};

}  // namespace hone::tests::strided_slice_rows
