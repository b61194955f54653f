#include <cmath>
#include <limits>

#include <hone/op.h>

namespace hone {

std::pair<float, float> range_of(Activation activation) noexcept {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  switch (activation) {
    case Activation::relu:
      return {0.0f, infinity};
    case Activation::relu_n1_to_1:
      return {-1.0f, 1.0f};
    case Activation::relu6:
      return {0.0f, 6.0f};
    default:
      return {-infinity, infinity};
  }
}

std::pair<std::int32_t, std::int32_t> quantized_range(Activation activation,
                                                      const TensorType& output) noexcept {
  const auto [type_low, type_high] = integer_range(output.dtype);
  const auto [low, high] = range_of(activation);
  const auto limit = [&](float real, std::int64_t otherwise) {
    if (!std::isfinite(real)) return otherwise;
    const double q = output.zero_point + static_cast<double>(std::round(real / output.scale));
    // written so that NaN stays at the limit of the type
    return q >= static_cast<double>(type_low) && q <= static_cast<double>(type_high)
               ? static_cast<std::int64_t>(q)
           : q < static_cast<double>(type_low)  ? type_low
           : q > static_cast<double>(type_high) ? type_high
                                                : otherwise;
  };
  return {static_cast<std::int32_t>(limit(low, type_low)),
          static_cast<std::int32_t>(limit(high, type_high))};
}

std::vector<std::int64_t> Call::ints(std::size_t i) const {
  if (!has(i) || i >= values.size() || !values[i]) refuse("expected a value for input ", i);
  if (!is_integer(inputs[i].dtype)) refuse("expected integers in input ", i, ", got ", inputs[i]);
  return values[i].to_ints();
}

void Call::require_rank(std::size_t i, std::size_t least, std::size_t most) const {
  const std::size_t rank = inputs[i].shape.rank();
  if (rank < least || rank > most) {
    if (least == most)
      refuse("expected ", least, " dimensions in input ", i, ", got shape ", inputs[i].shape);
    refuse("expected ", least, " to ", most, " dimensions in input ", i, ", got shape ",
           inputs[i].shape);
  }
}

void Call::require_same_dtype(std::size_t i, std::size_t j) const {
  if (inputs[i].dtype != inputs[j].dtype) {
    refuse("expected inputs ", i, " and ", j, " of one type, got ", inputs[i].dtype, " and ",
           inputs[j].dtype);
  }
}

void Call::require_quantized_output(std::size_t i) const {
  if (outputs[i].dtype != inputs[0].dtype || !outputs[i].quantized()) {
    refuse("expected a quantized ", inputs[0].dtype, " output ", i, ", got ", outputs[i]);
  }
}

void Call::require_same_quantization() const {
  for (const TensorType& y : outputs) {
    if (y.scale != inputs[0].scale || y.zero_point != inputs[0].zero_point) {
      refuse("expected outputs with the scale and zero_point of input 0 (", inputs[0], "), got ",
             y);
    }
  }
}

void Call::require_symmetric_int16() const {
  for (const auto types : {inputs, outputs}) {
    for (const TensorType& t : types) {
      if (t.dtype == DType::int16 && t.zero_point != 0) {
        refuse("expected zero_point 0 in int16 tensors, got ", t.zero_point);
      }
    }
  }
}

std::size_t Call::axis(std::int64_t axis, std::size_t rank) const {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    refuse("expected an axis from ", -signed_rank, " to ", signed_rank - 1, ", got ", axis);
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

}  // namespace hone
