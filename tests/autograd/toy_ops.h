#pragma once
/// Three small ops whose derivatives everybody knows, and what the tests of the graph ask often.

#include <pthread.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hone/variable.h>

namespace hone::tests {

/// y = a + b, of one shape.
struct Plus {
  static constexpr std::string_view name = "PLUS";
  static constexpr Arity arity{2, 2};
  struct Attributes {};
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const auto a = f.input<float>(0), b = f.input<float>(1);
    std::transform(a.begin(), a.end(), b.begin(), f.output<float>(0).begin(), std::plus<float>());
  }
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto gy = b.output_grad(0);
    for (std::size_t i = 0; i < 2; ++i) {
      if (b.wants(i)) std::copy(gy.begin(), gy.end(), b.input_grad(i).begin());
    }
  }
};

/// y = a * b, of one shape.
struct Times {
  static constexpr std::string_view name = "TIMES";
  static constexpr Arity arity{2, 2};
  static constexpr Saves saves = Saves::others;
  struct Attributes {};
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const auto a = f.input<float>(0), b = f.input<float>(1);
    std::transform(a.begin(), a.end(), b.begin(), f.output<float>(0).begin(),
                   std::multiplies<float>());
  }
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto gy = b.output_grad(0);
    for (std::size_t i = 0; i < 2; ++i) {
      if (!b.wants(i)) continue;
      const auto other = b.saved_input(1 - i);
      std::transform(gy.begin(), gy.end(), other.begin(), b.input_grad(i).begin(),
                     std::multiplies<float>());
    }
  }
};

/// y = a * b + c, of one shape; c is a bias.
struct Affine {
  static constexpr std::string_view name = "AFFINE";
  static constexpr Arity arity{3, 3};
  static constexpr Saves saves{Slots::of({0, 1}), {}, true};
  static constexpr Slots bias = Slots::of({2});
  struct Attributes {};
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const auto a = f.input<float>(0), b = f.input<float>(1), c = f.input<float>(2);
    for (std::size_t i = 0; i < a.size(); ++i) f.output<float>(0)[i] = a[i] * b[i] + c[i];
  }
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto gy = b.output_grad(0);
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; b.wants(k) && i < gy.size(); ++i)
        b.input_grad(k)[i] = k == 2 ? gy[i] : gy[i] * b.saved_input(1 - k)[i];
    }
  }
};

/// The same values as one row; shares the storage, and hands its gradient on as it is.
struct Flat {
  static constexpr std::string_view name = "FLAT";
  static constexpr bool views = true;
  static constexpr bool moves = true;
  struct Attributes {};
  static TensorType infer(const Attributes&, std::span<const TensorType> in) {
    return {in[0].dtype, {static_cast<std::int64_t>(in[0].numel())}, in[0]};
  }
};

/// (x, 2 x)
struct Fork {
  static constexpr std::string_view name = "FORK";
  static constexpr std::size_t output_count = 2;
  struct Attributes {};
  static std::vector<TensorType> infer(const Attributes&, std::span<const TensorType> in) {
    return {in[0], in[0]};
  }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const auto x = f.input<float>(0);
    std::copy(x.begin(), x.end(), f.output<float>(0).begin());
    std::transform(x.begin(), x.end(), f.output<float>(1).begin(), [](float v) { return 2 * v; });
  }
  static void backward(const Attributes&, const NoPlan&, const Backward& b) {
    const auto gx = b.input_grad(0);
    std::fill(gx.begin(), gx.end(), 0.0f);
    for (std::size_t o = 0; o < 2; ++o) {
      const auto gy = b.output_grad(o);  // empty: nobody used it
      for (std::size_t i = 0; i < gy.size(); ++i) gx[i] += (o == 0 ? 1.0f : 2.0f) * gy[i];
    }
  }
};

/// floor(x), without a gradient.
struct Floor {
  static constexpr std::string_view name = "FLOOR_WITHOUT_GRADIENT";
  struct Attributes {};
  static TensorType infer(const Attributes&, std::span<const TensorType> in) { return in[0]; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    const auto x = f.input<float>(0);
    std::transform(x.begin(), x.end(), f.output<float>(0).begin(),
                   [](float v) { return static_cast<float>(static_cast<int>(v)); });
  }
};

inline constinit const OpDef plus_op = define<Plus>();
inline constinit const OpDef times_op = define<Times>();
inline constinit const OpDef affine_op = define<Affine>();
inline constinit const OpDef flat_op = define<Flat>();
inline constinit const OpDef fork_op = define<Fork>();
inline constinit const OpDef floor_op = define<Floor>();

inline Variable plus(const Variable& a, const Variable& b) {
  return apply_one(plus_op, Plus::Attributes{}, {a, b});
}
inline Variable times(const Variable& a, const Variable& b) {
  return apply_one(times_op, Times::Attributes{}, {a, b});
}
inline Variable affine(const Variable& a, const Variable& b, const Variable& c) {
  return apply_one(affine_op, Affine::Attributes{}, {a, b, c});
}
inline Variable flat(const Variable& x) { return apply_one(flat_op, Flat::Attributes{}, {x}); }

inline Variable leaf(std::initializer_list<float> values, std::string_view name = {}) {
  return Variable(Tensor::of({static_cast<std::int64_t>(values.size())}, values), Grad::yes, name);
}
inline Variable fixed(std::initializer_list<float> values) {
  return Variable(Tensor::of({static_cast<std::int64_t>(values.size())}, values));
}
inline std::vector<float> list(const Tensor& t) {
  if (!t) return {};
  const auto values = t.data<float>();
  return {values.begin(), values.end()};
}
using Floats = std::vector<float>;

/// The text of the Error that `f` throws; empty where it throws none.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

/// Runs `body` on a thread with a stack of 256 KB.
inline void on_a_small_stack(std::function<void()> body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread;
  const auto start = [](void* f) -> void* {
    (*static_cast<std::function<void()>*>(f))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, start, &body), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

inline bool contains(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

}  // namespace hone::tests
