#include <memory>

#include "src/cli/command.h"

namespace hone::cli {
namespace {

struct Args {
  std::string model, input, output;
  bool all_tensors = false;
};

void run(const Args& args, const Common& common) {
  Model model = Model::load(args.model);
  const Arrays given = read_npz(args.input);
  const NoGrad no_grad;
  model.keep_values(args.all_tensors);
  Arrays results;
  std::size_t invocations = 0;
  for (;; ++invocations) {
    const std::string suffix = invocations == 0 ? "" : "_t" + std::to_string(invocations);
    const std::vector<Variable> inputs = inputs_from(model, given, suffix, Grad::no);
    if (inputs.empty() && (invocations > 0 || !model.inputs().empty())) break;
    const std::vector<Variable> outputs = model.run(inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      results["out_" + std::to_string(i) + suffix] = outputs[i].data();
    }
    const std::vector<Tensor> values = model.last_values();
    for (std::size_t t = 0; t < values.size(); ++t) {
      if (values[t]) results["g0_t" + std::to_string(t) + suffix] = values[t];
    }
    if (inputs.empty()) {
      ++invocations;
      break;
    }
  }
  write_npz(args.output, results);
  if (common.json) print({{"out", args.output}, {"invocations", invocations}});
}

}  // namespace

void add_run(CLI::App& root, Common& common) {
  const auto args = std::make_shared<Args>();
  CLI::App* sub = add(root, common, "run", "inference, to the bits of LiteRT's reference kernels",
                      [&common, args] { run(*args, common); });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  sub->add_option("--input", args->input, "NPZ: in_0, in_1, ... or input names; _t1, ... for further invocations")
      ->required();
  sub->add_option("--output", args->output, "NPZ: out_0, out_1, ...")->required();
  sub->add_flag("--all-tensors", args->all_tensors, "adds every tensor of the graph, as gG_tT");
}

}  // namespace hone::cli
