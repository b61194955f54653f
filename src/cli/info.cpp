#include <iostream>
#include <memory>
#include <sstream>

#include <hone/train.h>

#include "src/cli/command.h"

namespace hone::cli {
namespace {

nlohmann::json to_json(const ModelTensor& t) {
  nlohmann::json j{{"index", t.index},
                   {"name", t.name},
                   {"dtype", name(t.type.dtype)},
                   {"constant", t.constant}};
  j["shape"] = std::vector<std::int64_t>(t.type.shape.begin(), t.type.shape.end());
  j["shape_signature"] = t.shape_signature;
  if (t.type.per_axis()) {
    j["scales"] = t.type.axis_scales->size();
    j["axis"] = t.type.axis;
  } else if (t.type.scale != 0) {
    j["scale"] = t.type.scale;
    j["zero_point"] = t.type.zero_point;
  }
  return j;
}

nlohmann::json to_json(const std::vector<std::pair<std::string, std::int32_t>>& names) {
  nlohmann::json j = nlohmann::json::object();
  for (const auto& [name, tensor] : names) j[name] = tensor;
  return j;
}

void print_json(Model& model, const std::string& path) {
  nlohmann::json j{{"model", path}, {"kind", model.kind()}, {"bytes", model.file_bytes()}};
  j["can_batch"] = model.can_batch(2);
  j["classes"] = known_classes(model);
  for (const char* list : {"operators", "tensors", "inputs", "outputs", "signatures"})
    j[list] = nlohmann::json::array();
  for (const Operator& op : model.operators()) {
    j["operators"].push_back({{"index", op.index()},
                              {"type", op.type()},
                              {"name", op.label()},
                              {"trainable", op.trainable()},
                              {"why_not", op.why_not_trainable()},
                              {"inputs", op.inputs},
                              {"outputs", op.outputs}});
  }
  for (const ModelTensor& t : model.tensors()) j["tensors"].push_back(to_json(t));
  for (const ModelTensor& t : model.inputs()) j["inputs"].push_back(to_json(t));
  for (const ModelTensor& t : model.outputs()) j["outputs"].push_back(to_json(t));
  for (const Signature& s : model.signatures()) {
    j["signatures"].push_back(
        {{"key", s.key}, {"inputs", to_json(s.inputs)}, {"outputs", to_json(s.outputs)}});
  }
  print(j);
}

/// `names` with commas, escaped.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) (text += text.empty() ? "" : ", ") += escaped(name);
  return text;
}

std::string varying(const ModelTensor& t) {
  std::string text;
  for (std::size_t i = 0; i < t.shape_signature.size(); ++i) {
    if (t.shape_signature[i] == -1) (text += text.empty() ? "" : ", ") += std::to_string(i);
  }
  return text.empty() ? "" : "  varies: dimension " + text;
}

void print_text(Model& model, const std::string& path) {
  std::cout << escaped(path) << "\n  kind " << model.kind() << ", " << model.file_bytes()
            << " bytes, " << model.operators().size() << " operators, " << model.tensors().size()
            << " tensors\n";
  for (const ModelTensor& t : model.inputs()) {
    std::cout << "  input  #" << t.index << ' ' << escaped(t.name) << ": " << t.type << varying(t)
              << '\n';
  }
  for (const ModelTensor& t : model.outputs()) {
    std::cout << "  output #" << t.index << ' ' << escaped(t.name) << ": " << t.type << varying(t)
              << '\n';
  }
  for (const Signature& s : model.signatures()) {
    std::cout << "  signature " << escaped(s.key) << ':';
    for (const auto& [name, tensor] : s.inputs) std::cout << ' ' << escaped(name) << "=#" << tensor;
    std::cout << " ->";
    for (const auto& [name, tensor] : s.outputs)
      std::cout << ' ' << escaped(name) << "=#" << tensor;
    std::cout << '\n';
  }
  if (const auto classes = known_classes(model); !classes.empty())
    std::cout << "  classes " << listed(classes) << '\n';
  std::cout << "  batches: "
            << (model.can_batch(2) ? "any size" : "the file's only, one micro-batch at a time")
            << "\n\n";
  std::cout << "     #  operator                  trainable  why not\n";
  for (const Operator& op : model.operators()) {
    std::ostringstream line;
    line << std::string(6 - std::min<std::size_t>(6, std::to_string(op.index()).size()), ' ')
         << op.index() << "  " << escaped(op.type());
    std::string text = line.str();
    text.resize(std::max<std::size_t>(text.size() + 1, 34), ' ');
    std::cout << text << (op.trainable() ? "yes" : "no         " + op.why_not_trainable()) << '\n';
  }
}

}  // namespace

void add_info(CLI::App& root, Common& common) {
  const auto path = std::make_shared<std::string>();
  CLI::App* sub = add(root, common, "info", "what a model holds, and which operators can train",
                      [&common, path] {
                        Model model = Model::load(*path);
                        if (common.json)
                          print_json(model, *path);
                        else
                          print_text(model, *path);
                      });
  sub->add_option("MODEL", *path, "a .tflite file")->required();
}

}  // namespace hone::cli
