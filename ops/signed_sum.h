#pragma once
/// The sum or the difference of two values: all of ADD and SUB but their names and options.

#include <concepts>
#include <cstdint>

#include "ops/elementwise.h"
#include "ops/op.h"
#include "ops/quantized_sum.h"

namespace hone::ops {

/// y = a + b, or a - b, then the fused activation.  a, b: shapes that broadcast; y: what they
/// broadcast to.
template <bool difference>
struct SignedSum {
  static constexpr Slots bias = Slots::of({0, 1});
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t,
                          std::int64_t>
      dtypes{};
  static constexpr Slots overwrites = Slots::of({0, 1});
  static constexpr bool broadcasts = true;

  struct Attributes {
    Activation activation = Activation::none;
    bool powers_of_two = true;
  };

  struct Plan {
    Broadcast shape;
    bool fixed = false;
    QuantizedSum sum;
  };

  static TensorType infer(const Attributes&, const Call& call) { return broadcast_type(call); }

  static Plan prepare(const Attributes& o, const Call& call) {
    Plan plan{.shape = {call.inputs[0].shape, call.inputs[1].shape}, .fixed = fixed_point(call)};
    if (plan.fixed) plan.sum = quantized_sum(call, o.activation, o.powers_of_two);
    return plan;
  }

  template <class T>
  static void forward(const Attributes& o, const Plan& plan, const Forward& f) {
    const T* a = f.input<T>(0).data();
    const T* b = f.input<T>(1).data();
    T* y = f.output<T>(0).data();
    if constexpr (std::same_as<T, std::int8_t>) {
      if (plan.fixed) {
        return run_bytes(plan.shape, f, byte_pass(plan.sum, difference), kernels().add_bytes);
      }
    }
    if constexpr (sizeof(T) <= 2) {
      if (plan.fixed) {
        const QuantizedSum sum = plan.sum;
        return plan.shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
          y[i] = static_cast<T>(sum.template sum<difference>(a[ia], b[ib]));
        });
      }
    }
    if constexpr (std::same_as<T, float>) {
      return run_floats(plan.shape, a, b, y, o.activation,
                        difference ? kernels().subtract : kernels().add);
    }
    const Clamp<T> clamp(o.activation);
    plan.shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
      y[i] =
          clamp(wrapped(a[ia], b[ib], [](auto u, auto v) { return difference ? u - v : u + v; }));
    });
  }
};

}  // namespace hone::ops
