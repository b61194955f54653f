#include "ops/op.h"

#include <cmath>
#include <limits>

#include <hone/functions.h>

#include "ops/elementwise.h"

namespace hone::ops {
namespace {

/// y = the natural logarithm of x; integers at or below 0 become the lowest value.  x: any shape;
/// y: the shape of x.
struct Log {
  static constexpr std::string_view name = "LOG";
  static constexpr int code = tflite::BuiltinOperator_LOG;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};
  using Plan = Tables;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    return tables_of(call, [](double v) {
      return v > 0 ? std::log(v) : -std::numeric_limits<double>::infinity();
    });
  }

  template <class T>
  static void forward(const Attributes&, const Plan& tables, const Forward& f) {
    map<T>(f, tables, [](float x) { return std::log(x); });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    // integers outside the domain have a value, the lowest one, but no slope
    const bool clamps = b.type_in(0).quantized();
    chain(b, [=](float x) { return clamps && x <= 0 ? 0.0f : 1 / x; });
  }
};

}  // namespace

extern constinit const OpDef log = define<Log>();

}  // namespace hone::ops

namespace hone {

Variable log(const Variable& x) { return apply_one(ops::log, ops::Log::Attributes{}, {x}); }

}  // namespace hone
