#include "autograd/drawing.h"

#include <map>
#include <sstream>

#include "autograd/graph.h"

namespace hone {
namespace {

class Draw {
 public:
  explicit Draw(const Variable& y) {
    if (!y.node()) return;
    std::pmr::vector<FunctionNode*> functions;
    if (y.creator()) functions = collect(*y.creator());
    for (const FunctionNode* f : functions) {
      for (const auto& input : f->inputs) {
        if (input.node) ++uses_[input.node.get()];
      }
    }
    for (auto f = functions.rbegin(); f != functions.rend(); ++f) call(**f);
    variable(*y.node());
  }

  Drawing take() { return std::move(drawing_); }

 private:
  std::size_t node(Drawing::Kind kind, char letter, std::uint64_t number,
                   std::vector<std::string> lines) {
    std::string id(1, letter);
    id += std::to_string(number);
    drawing_.nodes.push_back({kind, std::move(id), std::move(lines)});
    return drawing_.nodes.size() - 1;
  }

  std::size_t variable(const VariableNode& v) {
    const auto [at, is_new] = variables_.try_emplace(&v, 0);
    if (!is_new) return at->second;
    std::ostringstream shape;
    shape << v.shape;
    std::vector<std::string> lines{shape.str()};
    if (!v.name.empty()) lines.insert(lines.begin(), v.name);
    return at->second = node(Drawing::Kind::variable, 'v', variables_.size() - 1, std::move(lines));
  }

  /// Where a use of `v` begins: at `v` itself, or at its GradSum.
  std::size_t source(const VariableNode& v) {
    const std::size_t value = variable(v);
    if (uses_[&v] < 2) return value;
    const auto [at, is_new] = sums_.try_emplace(&v, 0);
    if (!is_new) return at->second;
    at->second = node(Drawing::Kind::sum, 's', sums_.size() - 1,
                      {"GradSum of " + std::to_string(uses_[&v])});
    drawing_.edges.push_back({value, at->second});
    return at->second;
  }

  void call(const FunctionNode& f) {
    std::vector<std::size_t> inputs;
    for (const auto& input : f.inputs) {
      if (input.node) inputs.push_back(source(*input.node));
    }
    const std::size_t box = node(Drawing::Kind::function, 'f', f.number, {std::string(f.where())});
    for (const std::size_t input : inputs) drawing_.edges.push_back({input, box});
    for (const auto& output : f.outputs) {
      if (output.node.requires_grad) drawing_.edges.push_back({box, variable(output.node)});
    }
  }

  Drawing drawing_;
  std::map<const VariableNode*, std::size_t> uses_, variables_, sums_;
};

}  // namespace

Drawing drawing_of(const Variable& y) { return Draw(y).take(); }

}  // namespace hone
