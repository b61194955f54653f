#include <iostream>
#include <memory>

#include "src/cli/command.h"
#include "src/tflite/atomic_file.h"

namespace hone::cli {
namespace {

struct GraphArgs {
  std::string model, train = "all", format, out;
};

void graph(const GraphArgs& args, const Common& common) {
  Model model = Model::load(args.model);
  const Parameters parameters = model.trainable(selector(args.train));
  std::vector<Variable> inputs;
  for (const ModelTensor& t : model.inputs()) inputs.emplace_back(Tensor::zeros(t.type));
  const Variable y = model.logits(inputs);
  const std::string format = !args.format.empty()         ? args.format
                             : args.out.ends_with(".svg") ? "svg"
                                                          : "dot";
  const std::string text = format == "svg" ? graph_svg(y) : graph_dot(y);
  if (!args.out.empty()) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    write_file(args.out, {&bytes, 1});
  }
  if (common.json)
    print(args.out.empty() ? nlohmann::json{{format, text}} : nlohmann::json{{"out", args.out}});
  else if (args.out.empty())
    std::cout << text;
}

}  // namespace

void add_graph(CLI::App& root, Common& common) {
  const auto args = std::make_shared<GraphArgs>();
  CLI::App* sub =
      add(root, common, "graph", "the recorded graph with its GradSum nodes, as DOT or SVG",
          [&common, args] { graph(*args, common); });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  sub->add_option("--train", args->train, "which weights, as for train")->capture_default_str();
  sub->add_option("--format", args->format, "dot or svg; as OUT is called, else dot")
      ->check(CLI::IsMember({"dot", "svg"}));
  sub->add_option("-o,--output", args->out, "write there instead of to standard output");
}

}  // namespace hone::cli
