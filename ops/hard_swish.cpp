#include "ops/op.h"

#include <algorithm>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/fixed_exp.h"

namespace hone::ops {
namespace {

/// a * b / 2^15 to the nearest integer, halves away from zero, saturated.
std::int16_t high_product_16(std::int32_t a, std::int32_t b) noexcept {
  const std::int32_t ab = a * b;
  return saturate<std::int16_t>((ab + (ab >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
}

/// x * relu6(x + 3) / 6 in 16 bits; quantization spec, section 3.
struct FixedHardSwish {
  std::int16_t to_y = 0, to_gate = 0;  // multipliers
  int shift_y = 0, shift_gate = 0;     // their exponents
  std::int32_t zx = 0, zy = 0;

  std::int32_t operator()(std::int32_t q) const noexcept {
    const std::int32_t x = (q - zx) * 128;
    const std::int16_t x_in_y = high_product_16(x, to_y);
    std::int32_t gate = x;  // x / 3, where 2^15 is 1; then relu6(x + 3) / 6
    if (shift_gate > 0) gate = saturate<std::int16_t>(std::int64_t{gate} << (shift_gate - 1));
    gate = high_product_16(gate, to_gate);
    if (shift_gate > 0) gate = saturate<std::int16_t>(gate * 2);
    if (shift_gate < 0) gate = rounding_shift(gate, -shift_gate);
    gate = (gate + (1 << 15)) >> 1;
    const std::int32_t y = gate * x_in_y / (1 << 15);  // towards zero
    return rounding_shift(y, -shift_y) + zy;
  }
};

/// y = x * min(max(x + 3, 0), 6) / 6.  x: any shape; y: the shape of x.
struct HardSwish {
  static constexpr std::string_view name = "HARD_SWISH";
  static constexpr int code = tflite::BuiltinOperator_HARD_SWISH;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};
  using Plan = Points<FixedHardSwish>;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static std::int16_t upper_half(std::int32_t multiplier) {
    return saturate<std::int16_t>((std::int64_t{multiplier} + (1 << 15)) >> 16);
  }

  static Plan prepare(const Attributes&, const Call& call) {
    if (!unary_fixed_point(call)) return {};
    const TensorType &x = call.inputs[0], &y = call.outputs[0];
    const float fine = (1.0f / 128.0f) * x.scale;
    const Rescale to_y = rescale(fine / y.scale);
    const Rescale to_gate = rescale(fine / (3.0f / 32768.0f));
    if (to_y.shift > 0) {
      call.refuse("expected an output scale of at least 1/128 of the input's, ", x.scale, ", got ",
                  y.scale);
    }
    return points_of(call, FixedHardSwish{.to_y = upper_half(to_y.multiplier),
                                          .to_gate = upper_half(to_gate.multiplier),
                                          .shift_y = to_y.shift,
                                          .shift_gate = to_gate.shift,
                                          .zx = x.zero_point,
                                          .zy = y.zero_point});
  }

  template <class T>
  static void forward(const Attributes&, const Plan& points, const Forward& f) {
    map<T>(f, points, [](float x) { return x * std::min(std::max(x + 3.0f, 0.0f), 6.0f) / 6.0f; });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    chain(b, [](float x) {
      const float shifted = x + 3.0f;
      const float inside = shifted > 0 && shifted < 6 ? x / 6.0f : 0.0f;
      return std::min(std::max(shifted, 0.0f), 6.0f) / 6.0f + inside;
    });
  }
};

}  // namespace

extern constinit const OpDef hard_swish = define<HardSwish>();

}  // namespace hone::ops

namespace hone {

Variable hard_swish(const Variable& x) {
  return apply_one(ops::hard_swish, ops::HardSwish::Attributes{}, {x});
}

}  // namespace hone
