#pragma once
/// The larger or the smaller of two values: all of MAXIMUM and MINIMUM but their names.

#include <cstdint>

#include "ops/elementwise.h"
#include "ops/op.h"

namespace hone::ops {

/// y = a where Takes()(a, b), b elsewhere.  a, b: shapes that broadcast; y: what they broadcast to.
/// Integers with scales are compared as they are: the format wants one scale for all three.
template <class Takes>
struct Choice {
  static constexpr Arity arity{2, 2};
  static constexpr Dtypes<float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t,
                          std::int64_t>
      dtypes{};
  static constexpr Saves saves = Saves::inputs;
  static constexpr bool broadcasts = true;
  static constexpr bool moves = true;
  static constexpr Slots overwrites = Slots::of({0, 1});

  struct Attributes {};
  using Plan = Broadcast;

  static Attributes parse(const Options&) { return {}; }

  static TensorType infer(const Attributes&, const Call& call) {
    TensorType y = broadcast_type(call);
    static_cast<QuantParams&>(y) = call.inputs[0];
    return y;
  }

  static Plan prepare(const Attributes&, const Call& call) {
    return {call.inputs[0].shape, call.inputs[1].shape};
  }

  template <class T>
  static void forward(const Attributes&, const Plan& shape, const Forward& f) {
    const T* a = f.input<T>(0).data();
    const T* b = f.input<T>(1).data();
    T* y = f.output<T>(0).data();
    shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
      y[i] = Takes()(a[ia], b[ib]) ? a[ia] : b[ib];
    });
  }

  static void backward(const Attributes&, const Plan& shape, const Backward& b) {
    const float* gy = b.output_grad(0).data();
    const float* first = b.saved_input(0).data();
    const float* second = b.saved_input(1).data();
    for (const std::size_t k : {0u, 1u}) {
      if (!b.wants(k)) continue;
      float* g = b.input_grad(k).data();
      shape.each([=](std::size_t i, std::size_t ia, std::size_t ib) {
        g[i] = Takes()(first[ia], second[ib]) == (k == 0) ? gy[i] : 0.0f;
      });
    }
  }
};

}  // namespace hone::ops
