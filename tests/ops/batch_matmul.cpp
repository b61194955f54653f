#include "tests/ops/rows.h"

namespace hone::tests::batch_matmul_rows {
namespace {

tflite::BatchMatMulOptionsT adjoint(bool x, bool y) {
  tflite::BatchMatMulOptionsT o;
  o.adj_x = x;
  o.adj_y = y;
  return o;
}

Values reference(const Row& row, const Inputs& in) {
  const auto o = row.options.as<tflite::BatchMatMulOptionsT>();
  const Shape &x = row.shape_in(0), &y = row.shape_in(1), &z = row.shape_out();
  const std::int64_t inner = x[x.rank() - (o.adj_x ? 2 : 1)];
  // Where element (i, j) of an operand stands in the matrix of output index `at`.
  const auto offset = [&](const Shape& s, bool adjoined, const std::vector<std::int64_t>& at,
                          std::int64_t i, std::int64_t j) {
    std::vector<std::int64_t> index(at.end() - static_cast<std::ptrdiff_t>(s.rank()), at.end());
    for (std::size_t d = 0; d + 2 < s.rank(); ++d) index[d] = s[d] == 1 ? 0 : index[d];
    index[s.rank() - 2] = adjoined ? j : i;
    index[s.rank() - 1] = adjoined ? i : j;
    return offset_of(s, index);
  };
  Values out(z.numel());
  for (std::size_t e = 0; e < out.size(); ++e) {
    const auto at = index_of(z, e);
    for (std::int64_t k = 0; k < inner; ++k) {
      out[e] += in[0][offset(x, o.adj_x, at, at[z.rank() - 2], k)] *
                in[1][offset(y, o.adj_y, at, k, at[z.rank() - 1])];
    }
  }
  return out;
}

}  // namespace

extern const OpRows batch_matmul{
    .op = "BATCH_MATMUL",
    .reference = reference,
    .rows =
        {
            {"plain", {f32({3, 4}), f32({4, 5}).weight()}, {f32({3, 5})}, adjoint(false, false)},
            {"adj x", {f32({2, 4, 3}), f32({2, 4, 5})}, {f32({2, 3, 5})}, adjoint(true, false)},
            {"adj y", {f32({2, 3, 17}), f32({2, 5, 17})}, {f32({2, 3, 5})}, adjoint(false, true)},
            {"adj both", {f32({4, 3}), f32({5, 4})}, {f32({3, 5})}, adjoint(true, true)},
            {"both broadcast",
             {f32({2, 1, 3, 4}), f32({1, 3, 4, 5})},
             {f32({2, 3, 3, 5})},
             adjoint(false, false)},
            {"lower rank right",
             {f32({2, 3, 3, 4}), f32({4, 5}).weight()},
             {f32({2, 3, 3, 5})},
             adjoint(false, false)},
            {"lower rank left",
             {f32({3, 4}), f32({2, 3, 4, 5})},
             {f32({2, 3, 3, 5})},
             adjoint(false, false)},
            {"broadcast and adjoined",
             {f32({1, 4, 3}), f32({3, 5, 4})},
             {f32({3, 3, 5})},
             adjoint(true, true)},
            {"rank 6",
             {f32({2, 1, 2, 1, 2, 3}), f32({1, 2, 1, 2, 3, 2})},
             {f32({2, 2, 2, 2, 2, 2})},
             adjoint(false, false)},
            {"no batches",
             {f32({0, 3, 4}), f32({1, 4, 5})},
             {f32({0, 3, 5})},
             adjoint(false, false)},
            {"nothing to sum", {f32({3, 0}), f32({0, 5})}, {f32({3, 5})}, adjoint(false, false)},
            {"int8",
             {i8({2, 3, 8}, 0.02f, 5), i8({1, 8, 4}, 0.03f, -7)},
             {i8({2, 3, 4}, 0.1f, 3)},
             adjoint(false, false)},
            {"int8 adjoined saturates",
             {i8({8, 3}, 0.02f, 5), i8({4, 8}, 0.03f, -7)},
             {i8({3, 4}, 0.02f, 3)},
             adjoint(true, true)},
            {"int16",
             {i16({3, 8}, 0.0001f), i16({8, 4}, 0.0002f)},
             {i16({3, 4}, 0.002f)},
             adjoint(false, false)},
        },
    .refused =
        {
            {{"inner dimensions", {f32({3, 4}), f32({5, 2})}, {f32({3, 2})}, adjoint(false, false)},
             "inner dimensions"},
            {{"batches", {f32({2, 3, 4}), f32({3, 4, 2})}, {f32({2, 3, 2})}, adjoint(false, false)},
             "broadcast"},
            {{"a vector", {f32({4}), f32({4, 2})}, {f32({2})}, adjoint(false, false)},
             "dimensions"},
            {{"int16 off zero",
              {i16({3, 8}, 0.0001f, 1), i16({8, 4}, 0.0002f)},
              {i16({3, 4}, 0.002f)},
              adjoint(false, false)},
             "zero_point"},
        },
};

}  // namespace hone::tests::batch_matmul_rows
