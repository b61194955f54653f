// An op of one's own: the snake activation, y = x + sin(a x)^2 / a (Ziyin et al. 2020, arXiv
// 2006.08195). In a file it is a custom operator named "Snake"; Model::load finds it among
// ModelOptions::custom_ops.
#include <hone/hone.h>

#include <cmath>
#include <cstdio>
#include <iostream>

namespace {

/// x: any shape, float32; y: the shape of x.
struct Snake {
  static constexpr std::string_view name = "Snake";
  static constexpr hone::Dtypes<float> dtypes{};
  static constexpr hone::Saves saves = hone::Saves::inputs;

  struct Attributes {
    float a = 1;
  };

  /// Of a file: no options, or a as four bytes.
  static Attributes parse(std::span<const std::byte> options) {
    Attributes attributes;
    if (options.size() == sizeof(float)) {
      std::copy_n(options.data(), sizeof(float), reinterpret_cast<std::byte*>(&attributes.a));
    } else if (!options.empty()) {
      hone::fail(hone::ErrorKind::file, name, "expected options of 4 bytes, got ", options.size());
    }
    return attributes;
  }

  static hone::TensorType infer(const Attributes& o, const hone::Call& call) {
    if (!(std::abs(o.a) > 0)) call.refuse("expected an a other than 0, got ", o.a);
    return call.inputs[0];
  }

  template <class T>
  static void forward(const Attributes& o, const hone::NoPlan&, const hone::Forward& f) {
    const std::span<const T> x = f.input<T>(0);
    const std::span<T> y = f.output<T>(0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T s = std::sin(o.a * x[i]);
      y[i] = x[i] + s * s / o.a;
    }
  }

  static void backward(const Attributes& o, const hone::NoPlan&, const hone::Backward& b) {
    const std::span<const float> x = b.saved_input(0), dy = b.output_grad(0);
    const std::span<float> dx = b.input_grad(0);
    for (std::size_t i = 0; i < x.size(); ++i) dx[i] = dy[i] * (1 + std::sin(2 * o.a * x[i]));
  }
};

constinit const hone::OpDef snake_op = hone::define<Snake>();

hone::Variable snake(const hone::Variable& x, float a) {
  return hone::apply_one(snake_op, Snake::Attributes{a}, {x});
}

}  // namespace

int main() {
  try {
    const hone::Variable x(hone::Tensor::of({3}, {-1.f, 0.f, 0.5f}), hone::Grad::yes);
    const hone::Variable y = snake(x, 2);
    hone::sum(y).backward();
    for (std::size_t i = 0; i < 3; ++i) {
      const float at = x.data().data<float>()[i];
      std::printf("x %5.2f  y %7.4f  dy/dx %7.4f\n", static_cast<double>(at),
                  static_cast<double>(y.data().data<float>()[i]),
                  static_cast<double>(x.grad().data<float>()[i]));
    }
    hone::ModelOptions options;
    options.custom_ops = {&snake_op};  // for Model::load(path, options)
  } catch (const hone::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
