#include "ops/elementwise.h"

#include <algorithm>

namespace hone::ops {
namespace {

bool narrow(DType dtype) {
  return dtype == DType::int8 || dtype == DType::uint8 || dtype == DType::int16;
}

void require_scale(const Call& call, const TensorType& type, std::string_view which) {
  if (type.per_axis() || !(type.scale > 0)) {
    call.refuse("expected one scale above 0 for ", which, ", got ", type);
  }
}

template <class T>
bool any_below(const Tensor& x, std::int32_t limit) {
  const auto values = x.data<T>();
  return std::any_of(values.begin(), values.end(), [=](T v) { return v < limit; });
}

}  // namespace

TensorType broadcast_type(const Call& call) {
  call.require_same_dtype(0, 1);
  const Shape &a = call.inputs[0].shape, &b = call.inputs[1].shape;
  const Shape& longer = a.rank() < b.rank() ? b : a;
  const Shape& shorter = a.rank() < b.rank() ? a : b;
  Shape shape = longer;
  const std::size_t lead = longer.rank() - shorter.rank();
  for (std::size_t i = 0; i < shorter.rank(); ++i) {
    const std::int64_t other = shorter[i];
    std::int64_t& dim = shape[lead + i];
    if (dim != other && dim != 1 && other != 1) {
      call.refuse("expected shapes that broadcast to one another, got ", a, " and ", b);
    }
    if (dim == 1) dim = other;
  }
  return {call.inputs[0].dtype, shape};
}

bool fixed_point(const Call& call, bool plain_bytes) {
  const DType dtype = call.inputs[0].dtype;
  if (!narrow(dtype)) return false;
  const auto quantized = [](const TensorType& t) { return t.quantized(); };
  if ((plain_bytes || dtype == DType::int16) &&
      std::none_of(call.inputs.begin(), call.inputs.end(), quantized) &&
      !call.outputs[0].quantized()) {
    return false;
  }
  for (const TensorType& input : call.inputs) require_scale(call, input, "every input");
  call.require_quantized_output();
  require_scale(call, call.outputs[0], "the output");
  return true;
}

bool unary_fixed_point(const Call& call) {
  if (!narrow(call.inputs[0].dtype)) return false;
  require_scale(call, call.inputs[0], "the input");
  call.require_quantized_output();
  require_scale(call, call.outputs[0], "the output");
  return true;
}

void require_not_negative(const Call& call) {
  const Tensor& x = call.values[0];
  const std::int32_t zero = x.type().zero_point;
  if ((x.dtype() == DType::int8 && any_below<std::int8_t>(x, zero)) ||
      (x.dtype() == DType::uint8 && any_below<std::uint8_t>(x, zero)) ||
      (x.dtype() == DType::int16 && any_below<std::int16_t>(x, zero))) {
    call.refuse("expected values of 0 or more, got a negative one");
  }
}

}  // namespace hone::ops
