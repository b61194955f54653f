// Trains a model on samples that are numbers only, writes it, and prints what it reached: what a
// program on a device does.  Then prints the Errors of running another model and of a checkpoint.
//
// usage: train MODEL OUT OTHER

#include <hone/hone.h>

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>

namespace {

void print_error(auto&& body) {
  try {
    body();
  } catch (const hone::Error& error) {
    std::cout << error.what() << '\n';
  }
}

}  // namespace

int main(int, char** argv) {
  constexpr std::int64_t samples = 64;
  hone::Model model = hone::Model::load(argv[1]);
  hone::Shape shape = model.inputs()[0].type.shape;
  shape[0] = samples;
  hone::Tensor x(hone::TensorType(hone::DType::float32, shape));
  hone::Tensor y(hone::TensorType(hone::DType::int32, {samples}));
  std::uint32_t random = 1;
  for (float& v : x.mutable_data<float>()) {
    random = random * 1664525u + 1013904223u;
    v = static_cast<float>(random >> 8) / 8388608.0f - 1.0f;
  }
  for (std::int64_t i = 0; i < samples; ++i) y.mutable_data<std::int32_t>()[i] = i % 7;
  const hone::Dataset data(std::move(x), std::move(y));
  hone::Adam optimizer(model.trainable(hone::all()), {.lr = 0.001f});
  const hone::Report report = hone::fit(model, optimizer, data, {.epochs = 3, .held_out = &data});
  std::printf("loss %a then %a, accuracy %g then %g\n", report.before->loss, report.after->loss,
              *report.before->accuracy, *report.after->accuracy);
  model.save(argv[2]);
  std::fflush(stdout);
  print_error([&] {
    hone::Model other = hone::Model::load(argv[3]);
    const hone::Variable input(hone::Tensor::zeros(other.inputs()[0].type));
    other.run(std::span(&input, 1));
  });
  print_error([&] {
    hone::fit(model, optimizer, data,
              {.epochs = 1, .checkpoint = std::string(argv[2]) + ".checkpoint"});
  });
}
