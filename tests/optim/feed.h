#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hone/optim.h>

namespace hone::tests {

/// 0, whose gradient is a constant: an op of a user's.
struct Feed {
  static constexpr std::string_view name = "feed";
  static constexpr Arity arity{1, 1};
  struct Attributes {
    std::vector<float> gradient;
  };
  static TensorType infer(const Attributes&, const Call&) { return {DType::float32, {}}; }
  static void forward(const Attributes&, const NoPlan&, const Forward& f) {
    f.output<float>(0)[0] = 0;
  }
  static void backward(const Attributes& a, const NoPlan&, const Backward& b) {
    std::copy(a.gradient.begin(), a.gradient.end(), b.input_grad(0).begin());
  }
};
inline constinit const OpDef feed_op = define<Feed>();

/// Gives a parameter that gradient, through a backward.
inline void feed(const Parameter& parameter, std::span<const float> gradient) {
  apply_one(feed_op, Feed::Attributes{{gradient.begin(), gradient.end()}}, {parameter.variable()})
      .backward();
}

inline std::shared_ptr<Parameter> parameter(const Tensor& data, std::string name,
                                            const ParameterOptions& options = {}) {
  return std::make_shared<Parameter>(data, std::move(name), Parameter::Place{}, options);
}

}  // namespace hone::tests
