#include <hone/hone.h>

#include <iostream>

int main(int, char** argv) {
  hone::Variable x(hone::Tensor::of({2}, {3.f, -1.f}), hone::Grad::yes);
  hone::sum(x * x + x).backward();
  try {
    std::cout << hone::Model::load(argv[1]).kind() << ' ' << x.grad().data<float>()[0] << '\n';
    hone::Model::load("missing.tflite");
  } catch (const hone::Error& error) {  // thrown inside the library
    return error.kind() == hone::ErrorKind::file ? 0 : 1;
  }
  return 1;
}
