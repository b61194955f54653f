#include <fstream>
#include <iostream>
#include <memory>

#include "src/cli/command.h"

namespace hone::cli {

void add_graph(CLI::App& root, Common& common) {
  struct Args {
    std::string model, train = "all", out;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* sub = add(
      root, common, "graph", "the recorded graph with its GradSum nodes, as DOT", [&common, args] {
        Model model = Model::load(args->model);
        const Parameters parameters = model.trainable({args->train});
        std::vector<Variable> inputs;
        for (const ModelTensor& t : model.inputs()) inputs.emplace_back(Tensor::zeros(t.type));
        const std::string dot = graph_dot(model.logits(inputs));
        if (common.json) return print({{"dot", dot}});
        if (args->out.empty()) {
          std::cout << dot;
          return;
        }
        std::ofstream file(args->out);
        file << dot;
        if (!file.flush())
          fail(ErrorKind::file, args->out, "expected to write the graph, the file refuses");
      });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  sub->add_option("--train", args->train,
                  "which weights train: all, head, bias, last:N, a name with *, #tensor")
      ->capture_default_str();
  sub->add_option("-o,--output", args->out, "write there instead of to standard output");
}

}  // namespace hone::cli
