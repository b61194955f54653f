#include <map>
#include <set>
#include <sstream>

#include "autograd/graph.h"

namespace hone {

std::string graph_dot(const Variable& y) {
  std::ostringstream out;
  out << "digraph hone {\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n";
  std::map<const VariableNode*, std::size_t> ids, uses;
  std::set<const VariableNode*> sums;
  const auto id = [&](const VariableNode* v) {
    return ids.try_emplace(v, ids.size()).first->second;
  };
  const auto variable = [&](const VariableNode* v) {
    if (ids.contains(v)) return;
    out << "  v" << id(v) << " [shape=ellipse, label=\"" << escaped(v->name)
        << (v->name.empty() ? "" : "\\n") << v->shape << "\"];\n";
  };
  if (y.node()) variable(y.node().get());
  if (y.creator()) {
    const std::vector<FunctionNode*> functions = collect(*y.creator());
    for (const FunctionNode* f : functions) {
      for (const auto& input : f->inputs) {
        if (input) ++uses[input.get()];
      }
    }
    for (const FunctionNode* f : functions) {
      out << "  f" << f->number << " [shape=box, label=\"" << escaped(f->where()) << "\"];\n";
      for (const auto& weak : f->outputs) {
        if (const auto v = weak.lock()) {
          variable(v.get());
          out << "  f" << f->number << " -> v" << id(v.get()) << ";\n";
        }
      }
      for (const auto& input : f->inputs) {
        if (!input) continue;
        variable(input.get());
        const bool summed = uses[input.get()] > 1;
        if (summed && sums.insert(input.get()).second) {
          out << "  s" << id(input.get()) << " [shape=diamond, label=\"GradSum of "
              << uses[input.get()] << "\"];\n";
          out << "  v" << id(input.get()) << " -> s" << id(input.get()) << " [dir=back];\n";
        }
        out << (summed ? "  s" : "  v") << id(input.get()) << " -> f" << f->number << ";\n";
      }
    }
  }
  out << "}\n";
  return out.str();
}

}  // namespace hone
