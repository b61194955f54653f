#include "tests/ops/weigh.h"

#include <algorithm>
#include <utility>

namespace hone::tests {
namespace {

struct Weigh {
  static constexpr std::string_view name = "WEIGH";
  static constexpr Arity arity{1, Arity::any};
  struct Attributes {
    std::vector<Tensor> weights;
  };
  static TensorType infer(const Attributes&, std::span<const TensorType>) {
    return {DType::float32, Shape{}};
  }
  static void forward(const Attributes& a, const NoPlan&, const Forward& f) {
    double sum = 0;
    for (std::size_t i = 0; i < a.weights.size(); ++i) {
      const Tensor x = f.inputs[i].to_float();
      const auto w = a.weights[i].data<float>();
      for (std::size_t k = 0; k < w.size(); ++k) {
        sum += static_cast<double>(x.data<float>()[k]) * static_cast<double>(w[k]);
      }
    }
    f.output<float>(0)[0] = static_cast<float>(sum);
  }
  static void backward(const Attributes& a, const NoPlan&, const Backward& b) {
    for (std::size_t i = 0; i < a.weights.size(); ++i) {
      if (!b.wants(i)) continue;
      const auto w = a.weights[i].data<float>();
      std::transform(w.begin(), w.end(), b.input_grad(i).begin(),
                     [gy = b.output_grad(0)[0]](float v) { return v * gy; });
    }
  }
};
constinit const OpDef weigh_op = define<Weigh>();

}  // namespace

Variable weigh(std::span<const Variable> outputs, const std::vector<Tensor>& weights) {
  std::vector<Variable> counted;
  Weigh::Attributes attributes;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    if (!outputs[o].requires_grad()) continue;
    counted.push_back(outputs[o]);
    attributes.weights.push_back(weights[o]);
  }
  if (counted.empty()) return {};
  return apply(weigh_op, std::make_shared<Weigh::Attributes>(std::move(attributes)), counted)[0];
}

}  // namespace hone::tests
