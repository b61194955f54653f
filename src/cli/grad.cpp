#include <memory>

#include <hone/functions.h>
#include <hone/loss.h>

#include "src/cli/command.h"

namespace hone::cli {
namespace {

struct GradArgs {
  std::string model, input, loss, target, output;
};

bool is_float_valued(const TensorType& type) {
  return type.dtype == DType::float32 || type.quantized();
}

const Tensor& first_of(const Arrays& arrays, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const auto at = arrays.find(key); at != arrays.end()) return at->second;
  }
  return require(arrays, *keys.begin(), "--target");
}

/// A target as the output has it.
Tensor like(const Tensor& target, const Shape& shape, const std::string& key) {
  if (target.numel() != shape.numel()) {
    fail(ErrorKind::data, "--target", "expected ", key, " of shape ", shape,
         " as the output has, got ", target.shape());
  }
  return target.to_float().reshaped(shape);
}

/// Back-propagates the loss and returns its value.
float backward(const GradArgs& args, Model& model, std::span<const Variable> inputs) {
  const Arrays target = args.target.empty() ? Arrays{} : read_npz(args.target);
  if (args.loss == "xent" || args.loss == "mse") {
    Variable y;
    if (args.loss == "xent") {
      y = cross_entropy(model.logits(inputs), first_of(target, {"label", "label_0", "y"}));
    } else {
      const Variable out = model.run(inputs).at(0);
      y = mse(out,
              Variable(like(first_of(target, {"target", "target_0", "y"}), out.shape(), "target")));
    }
    if (y.requires_grad()) y.backward();
    return y.item();
  }
  // A sum over outputs: each is seeded with its cotangent, and the seeds meet in the graph's
  // GradSums.
  const Variables outputs = model.run(inputs);
  Variable total;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_float_valued(outputs[i].type())) continue;
    Tensor weight = Tensor(TensorType(DType::float32, outputs[i].shape()));
    if (args.loss == "dot") {
      const std::string key = "cotangent_" + std::to_string(i);
      weight = like(require(target, key, "--target"), outputs[i].shape(), key);
    } else {
      std::fill_n(weight.mutable_data<float>().data(), weight.numel(), 1.0f);
    }
    const Variable real = outputs[i].type().quantized() ? hone::dequantize(outputs[i]) : outputs[i];
    const Variable term = hone::sum(hone::mul(real, Variable(std::move(weight))));
    total = total ? hone::add(total, term) : term;
  }
  if (!total) return 0;
  if (total.requires_grad()) total.backward();
  return total.item();
}

void grad(const GradArgs& args, const Common& common) {
  Model model = Model::load(args.model);
  const std::vector<Variable> inputs = inputs_from(model, read_npz(args.input), "", Grad::yes);
  const auto constants = model.open_constants();
  const float loss = backward(args, model, inputs);
  Arrays results{{"loss", Tensor::of<float>({}, {loss})}};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].grad()) results["grad_in_" + std::to_string(i)] = inputs[i].grad();
  }
  for (const auto& [tensor, value] : constants) {
    if (value.grad()) results["grad_g0_t" + std::to_string(tensor)] = value.grad();
  }
  write_npz(args.output, results);
  if (common.json) print({{"out", args.output}, {"loss", loss}, {"gradients", results.size() - 1}});
}

}  // namespace

void add_grad(CLI::App& root, Common& common) {
  const auto args = std::make_shared<GradArgs>();
  CLI::App* sub = add(root, common, "grad",
                      "one forward and backward: the gradient of every constant and input",
                      [&common, args] { grad(*args, common); });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  sub->add_option("--input", args->input, "NPZ: in_0, in_1, ... or input names")->required();
  sub->add_option("--loss", args->loss, "xent, mse, sum, or dot (outputs times cotangents)")
      ->required()
      ->check(CLI::IsMember({"xent", "mse", "sum", "dot"}));
  sub->add_option("--target", args->target,
                  "NPZ: label (xent), target (mse), cotangent_0, ... (dot)");
  sub->add_option("--output", args->output, "NPZ: loss, grad_in_0, grad_gG_tT")->required();
}

}  // namespace hone::cli
