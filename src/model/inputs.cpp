#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/kernels/fixed_point.h"
#include "ops/kernels/kernels.h"
#include "src/model/state.h"

namespace hone::model {
namespace {

/// round_half_away(v / scale) + zero_point, clamped; NaN counts as 0 (quantization spec, QUANTIZE).
template <class T>
Tensor quantized(const Tensor& x, TensorType type, std::pmr::memory_resource* memory) {
  Tensor out(std::move(type), memory);
  const auto q = out.mutable_data<T>();
  const auto v = x.data<float>();
  const float scale = out.type().scale;
  [[maybe_unused]] const std::int64_t zero = out.type().zero_point;
  if constexpr (sizeof(T) == 1) {
    kernels().quantize({.count = static_cast<std::ptrdiff_t>(q.size()),
                        .from = v.data(),
                        .scales = {&scale},
                        .zero_point = out.type().zero_point,
                        .lo = std::numeric_limits<T>::min(),
                        .hi = std::numeric_limits<T>::max(),
                        .to = reinterpret_cast<std::int8_t*>(q.data())});
  } else {
    for (std::size_t i = 0; i < q.size(); ++i) {
      q[i] = saturate<T>(std::int64_t{round_to_int32(std::round(v[i] / scale))} + zero);
    }
  }
  return out;
}

template <class T, class Where>
Tensor narrowed(const Tensor& x, TensorType type, const Where& where,
                std::pmr::memory_resource* memory) {
  Tensor out(std::move(type), memory);
  const auto to = out.mutable_data<T>();
  const std::vector<std::int64_t> from = x.to_ints();
  const auto [low, high] = integer_range(out.dtype());
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (from[i] < low || from[i] > high) {
      fail(ErrorKind::data, where(), "expected values of type ", out.dtype(), ", got ", from[i]);
    }
    to[i] = static_cast<T>(from[i]);
  }
  return out;
}

}  // namespace

Variable State::fitted(const Variable& x, std::size_t i, std::pmr::memory_resource* to) const {
  const file::TensorInfo& info = file.tensor(0, graph.inputs[i]);
  const auto where = [&] {
    return "input " + std::to_string(i) + " \"" + escaped(info.name) + "\"";
  };
  if (!x) fail(ErrorKind::argument, where(), "expected a value, got none");
  if (x.type().dtype == info.type.dtype) {
    if (!info.type.quantized() || x.requires_grad()) return x;
    TensorType type = info.type;
    type.shape = x.shape();
    return Variable(x.data().retyped(std::move(type)));
  }
  TensorType type = info.type;
  type.shape = x.shape();
  if (x.type().dtype == DType::float32 && info.type.quantized()) {
    switch (info.type.dtype) {
      case DType::int8:
        return Variable(quantized<std::int8_t>(x.data(), type, to));
      case DType::uint8:
        return Variable(quantized<std::uint8_t>(x.data(), type, to));
      case DType::int16:
        return Variable(quantized<std::int16_t>(x.data(), type, to));
      default:
        break;
    }
  }
  if (is_integer(x.type().dtype) && !x.type().quantized() && is_integer(type.dtype)) {
    switch (type.dtype) {
      case DType::int8:
        return Variable(narrowed<std::int8_t>(x.data(), type, where, to));
      case DType::uint8:
        return Variable(narrowed<std::uint8_t>(x.data(), type, where, to));
      case DType::int16:
        return Variable(narrowed<std::int16_t>(x.data(), type, where, to));
      case DType::int32:
        return Variable(narrowed<std::int32_t>(x.data(), type, where, to));
      case DType::int64:
        return Variable(narrowed<std::int64_t>(x.data(), type, where, to));
      default:
        break;
    }
  }
  if (x.type().dtype == DType::float64 && type.dtype == DType::float32)
    return Variable(x.data().to_float());
  if (x.type().dtype == DType::float64) return fitted(Variable(x.data().to_float()), i, to);
  fail(ErrorKind::argument, where(), "expected ", info.type.dtype, ", got ", x.type().dtype);
}

std::int64_t State::factor(std::span<const Variable> inputs) const {
  std::int64_t factor = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const file::TensorInfo& info = file.tensor(0, graph.inputs[i]);
    const Shape& got = inputs[i].shape();
    const Shape& declared = info.type.shape;
    if (got == declared) {
      if (factor > 1) return 1;  // an input that does not grow with the others
      factor = 1;
      continue;
    }
    bool same_sample = got.rank() == declared.rank() && got.rank() > 0 && declared[0] > 0 &&
                       got[0] % declared[0] == 0 && got[0] > 0;
    for (std::size_t k = 1; same_sample && k < got.rank(); ++k) same_sample = got[k] == declared[k];
    if (!same_sample) return 1;
    const std::int64_t mine = got[0] / declared[0];
    if (factor != 0 && factor != mine) return 1;
    factor = mine;
  }
  return std::max<std::int64_t>(factor, 1);
}

}  // namespace hone::model
