#include "tests/ops/rows.h"

#include <cstdlib>

namespace hone::tests {
namespace {

Arg arg(DType dtype, Shape shape, QuantParams quant = {}) {
  return Arg{.type = TensorType(dtype, shape, std::move(quant))};
}

QuantParams affine(float scale, std::int32_t zero_point) {
  QuantParams q;
  q.scale = scale;
  q.zero_point = zero_point;
  return q;
}

QuantParams per_axis(int axis, std::vector<float> scales) {
  QuantParams q;
  q.axis = axis;
  q.axis_scales = std::make_shared<const std::vector<float>>(std::move(scales));
  return q;
}

}  // namespace

Arg f32(Shape shape) { return arg(DType::float32, shape); }
Arg f16(Shape shape) { return arg(DType::float16, shape); }
Arg f64(Shape shape) { return arg(DType::float64, shape); }
Arg boolean(Shape shape) { return arg(DType::boolean, shape); }

Arg i4(Shape shape, float scale, std::int32_t zero_point) {
  return arg(DType::int4, shape, affine(scale, zero_point));
}
Arg i8(Shape shape, float scale, std::int32_t zero_point) {
  return arg(DType::int8, shape, affine(scale, zero_point));
}
Arg u8(Shape shape, float scale, std::int32_t zero_point) {
  return arg(DType::uint8, shape, affine(scale, zero_point));
}
Arg i16(Shape shape, float scale, std::int32_t zero_point) {
  return arg(DType::int16, shape, affine(scale, zero_point));
}
Arg i32(Shape shape, float scale) { return arg(DType::int32, shape, affine(scale, 0)); }
Arg i64(Shape shape, float scale) { return arg(DType::int64, shape, affine(scale, 0)); }

Arg i4_axis(Shape shape, int axis, std::vector<float> scales) {
  return arg(DType::int4, shape, per_axis(axis, std::move(scales)));
}
Arg i8_axis(Shape shape, int axis, std::vector<float> scales) {
  return arg(DType::int8, shape, per_axis(axis, std::move(scales)));
}
Arg i32_axis(Shape shape, int axis, std::vector<float> scales) {
  return arg(DType::int32, shape, per_axis(axis, std::move(scales)));
}
Arg i64_axis(Shape shape, int axis, std::vector<float> scales) {
  return arg(DType::int64, shape, per_axis(axis, std::move(scales)));
}

Arg ints(std::initializer_list<std::int32_t> values) {
  return i32({static_cast<std::int64_t>(values.size())})
      .values(Values(values.begin(), values.end()));
}

Arg absent() { return {}; }

std::vector<std::int64_t> strides(const Shape& shape) {
  std::vector<std::int64_t> s(shape.rank(), 1);
  for (std::size_t i = shape.rank(); i-- > 1;) s[i - 1] = s[i] * shape[i];
  return s;
}

std::vector<std::int64_t> index_of(const Shape& shape, std::size_t i) {
  std::vector<std::int64_t> index(shape.rank());
  auto rest = static_cast<std::int64_t>(i);
  for (std::size_t d = shape.rank(); d-- > 0;) {
    index[d] = rest % shape[d];
    rest /= shape[d];
  }
  return index;
}

std::size_t offset_of(const Shape& shape, const std::vector<std::int64_t>& index) {
  std::int64_t offset = 0;
  if (index.size() != shape.rank()) std::abort();
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    if (index[d] < 0 || index[d] >= shape[d]) std::abort();
    offset = offset * shape[d] + index[d];
  }
  return static_cast<std::size_t>(offset);
}

std::size_t broadcast_offset(const Shape& from, const Shape& to, std::size_t i) {
  const std::vector<std::int64_t> index = index_of(to, i);
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < from.rank(); ++d) {
    const std::int64_t at = index[d + to.rank() - from.rank()];
    offset = offset * from[d] + (from[d] == 1 ? 0 : at);
  }
  return static_cast<std::size_t>(offset);
}

Values map(const Values& x, double (*f)(double)) {
  Values y = x;
  for (double& v : y) v = f(v);
  return y;
}

Values map(const Row& row, const Values& a, const Values& b, double (*f)(double, double)) {
  const Shape& to = row.shape_out();
  Values y(to.numel());
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] =
        f(a[broadcast_offset(row.shape_in(0), to, i)], b[broadcast_offset(row.shape_in(1), to, i)]);
  }
  return y;
}

}  // namespace hone::tests
