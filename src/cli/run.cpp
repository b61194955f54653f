#include <algorithm>
#include <memory>

#include "src/cli/dataset.h"

namespace hone::cli {
namespace {

struct RunArgs {
  std::string model, input, output;
  DataArgs data;
  bool all_tensors = false;
};

/// Invocation after invocation, as long as there are inputs for it.
std::size_t run_arrays(Model& model, const Arrays& given, Arrays& results) {
  std::size_t invocations = 0;
  for (;; ++invocations) {
    const std::string suffix = invocations == 0 ? "" : "_t" + std::to_string(invocations);
    const std::vector<Variable> inputs = inputs_from(model, given, suffix, Grad::no);
    if (inputs.empty() && (invocations > 0 || !model.inputs().empty())) break;
    const Variables outputs = model.run(inputs);
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
  return invocations;
}

/// One sample after the other; the outputs of all of them, one below the other.
std::size_t run_samples(Model& model, const Dataset& data, Arrays& results) {
  const std::size_t n = data.size();
  for (std::size_t s = 0; s < n; ++s) {
    const std::size_t one[] = {s};
    const Variable x(data.gather(one).x);
    const Variables outputs = model.run({&x, 1});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Tensor& y = outputs[i].data();
      const std::string key = "out_" + std::to_string(i);
      if (s == 0) {
        TensorType all = y.type();
        if (all.shape.rank() == 0) all.shape = {1};
        all.shape[0] *= static_cast<std::int64_t>(n);
        results[key] = Tensor(std::move(all));
      }
      Tensor& all = results[key];
      if (all.bytes() != y.bytes() * n) {
        fail(ErrorKind::unsupported, key, "expected outputs of one size, sample ", s, " gives ",
             y.shape());
      }
      std::copy_n(y.raw(), y.bytes(), all.mutable_raw() + s * y.bytes());
    }
  }
  return n;
}

void run(const RunArgs& args, const Common& common) {
  Model model = Model::load(args.model);
  const NoGrad no_grad;
  Arrays results;
  std::size_t invocations = 0;
  if (args.input.empty()) {
    const Dataset data = open_data(model, args.data, args.data.path);
    invocations = run_samples(model, data, results);
  } else {
    model.keep_values(args.all_tensors);
    invocations = run_arrays(model, read_npz(args.input), results);
  }
  write_npz(args.output, results);
  if (common.json) print({{"out", args.output}, {"invocations", invocations}});
}

}  // namespace

void add_run(CLI::App& root, Common& common) {
  const auto args = std::make_shared<RunArgs>();
  CLI::App* sub = add(root, common, "run", "inference, to the bits of LiteRT's reference kernels",
                      [&common, args] {
                        if (args->input.empty() && args->data.path.empty())
                          throw CLI::RequiredError("--input or --data");
                        run(*args, common);
                      });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  CLI::Option* input =
      sub->add_option("--input", args->input,
                      "NPZ: in_0, in_1, ... or input names; _t1, ... for further invocations");
  add_options(*sub, args->data, false)->excludes(input);
  sub->add_option("--output", args->output,
                  "NPZ: out_0, out_1, ...; with --data those of all samples, one below the other")
      ->required();
  CLI::Option* all =
      sub->add_flag("--all-tensors", args->all_tensors, "adds every tensor of the graph, as gG_tT");
  all->needs(input);
}

}  // namespace hone::cli
