#include <cmath>
#include <cstring>
#include <type_traits>

#include <hone/functions.h>

#include "ops/op.h"

namespace hone::ops {
namespace {

/// The stored values as another type; scales are not looked at.  Floats are cut towards zero and
/// saturate, NaN becomes 0; integers wrap; true is 1, and what is not 0 is true.
struct Cast {
  static constexpr std::string_view name = "CAST";
  static constexpr int code = tflite::BuiltinOperator_CAST;
  static constexpr Dtypes<float, double, Half, bool, std::int8_t, std::uint8_t, std::int16_t,
                          std::uint16_t, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>
      dtypes{};

  struct Attributes {
    DType dtype = DType::float32;  // where no file declares the output
  };

  static Attributes parse(const Options& options) {
    return {.dtype = static_cast<DType>(options.as<tflite::CastOptions>().out_data_type())};
  }

  static TensorType infer(const Attributes& a, const Call& call) {
    const DType to = call.declared(0, a.dtype);
    if (!visit(to, [](auto) {}))
      call.refuse("expected a number or boolean type to cast to, got ", to);
    return {to, call.inputs[0].shape};
  }

  /// Calls f with a value of the element type that `dtype` names; false where we do not have it.
  template <class F>
  static bool visit(DType dtype, F&& f) {
    return visit_types(dtype, dtypes, f);
  }
  template <class F, class... T>
  static bool visit_types(DType dtype, Dtypes<T...>, F&& f) {
    return ((dtype == dtype_of<T> ? (f(T{}), true) : false) || ...);
  }

  /// Booleans are read as bytes: what another program wrote need not be 0 or 1.
  template <class T>
  using Stored = std::conditional_t<std::same_as<T, bool>, std::uint8_t, T>;

  template <class T>
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    visit(f.type_out(0).dtype, [&]<class Y>(Y) {
      const auto x = f.input<Stored<T>>(0);
      const auto y = f.output<Stored<Y>>(0);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if constexpr (std::same_as<T, bool>) {
          y[i] = to<Stored<Y>>(x[i] != 0 ? 1 : 0);
        } else if constexpr (std::same_as<Y, bool>) {
          y[i] = wide(x[i]) != 0 ? 1 : 0;
        } else {
          y[i] = to<Y>(wide(x[i]));
        }
      }
    });
  }

  template <class T>
  static auto wide(T value) noexcept {
    if constexpr (std::same_as<T, Half>) {
      return static_cast<float>(value);
    } else {
      return value;
    }
  }

  template <class Y, class T>
  static Y to(T value) noexcept {
    if constexpr (std::same_as<Y, Half>) {
      return Half::round(static_cast<float>(value));
    } else if constexpr (std::floating_point<T> && std::integral<Y>) {
      // compared as floats: the highest value of 64-bit types is no float, one above it is
      constexpr T low = static_cast<T>(std::numeric_limits<Y>::min());
      const T high = std::ldexp(T{1}, std::numeric_limits<Y>::digits);
      if (!(value > low)) return value <= low ? std::numeric_limits<Y>::min() : Y{0};
      return value >= high ? std::numeric_limits<Y>::max() : static_cast<Y>(value);
    } else {
      return static_cast<Y>(value);
    }
  }

  /// Between floats 1.  The stored integer of a scale is x / sx + zx, so there it is sy / sx.
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto gy = b.output_grad(0);
    const auto gx = b.input_grad(0);
    const auto unit = [](const TensorType& t) { return t.quantized() ? t.scale : 1.0f; };
    const float factor = unit(b.type_out(0)) / unit(b.type_in(0));
    for (std::size_t i = 0; i < gx.size(); ++i) gx[i] = factor * gy[i];
  }
};

}  // namespace

extern constinit const OpDef cast = define<Cast>();

}  // namespace hone::ops

namespace hone {

Variable cast(const Variable& x, DType dtype) {
  return apply_one(ops::cast, ops::Cast::Attributes{.dtype = dtype}, {x});
}

}  // namespace hone
