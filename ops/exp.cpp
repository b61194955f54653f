#include "ops/op.h"

#include <cmath>

#include <hone/functions.h>

#include "ops/elementwise.h"
#include "ops/kernels/float_exp.h"

namespace hone::ops {
namespace {

/// y = e^x.  x: any shape; y: the shape of x.
struct Exp {
  static constexpr std::string_view name = "EXP";
  static constexpr int code = tflite::BuiltinOperator_EXP;
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t> dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr Slots overwrites = Slots::of({0});

  struct Attributes {};
  using Plan = Tables;

  static Attributes parse(const Options&) { return {}; }
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }

  static Plan prepare(const Attributes&, const Call& call) {
    return tables_of(call, [](double v) { return std::exp(v); });
  }

  template <class T>
  static void forward(const Attributes&, const Plan& tables, const Forward& f) {
    map<T>(f, tables, [](float x) { return fast_exp(x); });
  }

  static void backward(const Attributes&, const Plan&, const Backward& b) {
    chain(b, [](float x) { return fast_exp(x); });
  }
};

}  // namespace

extern constinit const OpDef exp = define<Exp>();

}  // namespace hone::ops

namespace hone {

Variable exp(const Variable& x) { return apply_one(ops::exp, ops::Exp::Attributes{}, {x}); }

}  // namespace hone
