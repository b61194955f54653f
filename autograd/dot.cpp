#include <array>
#include <sstream>

#include <hone/error.h>

#include "autograd/drawing.h"

namespace hone {

std::string graph_dot(const Variable& y) {
  static constexpr std::array<const char*, 3> shapes{"ellipse", "box", "diamond"};
  const Drawing drawing = drawing_of(y);
  std::ostringstream out;
  out << "digraph hone {\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n";
  for (const Drawing::Node& n : drawing.nodes) {
    out << "  " << n.id << " [shape=" << shapes[static_cast<std::size_t>(n.kind)] << ", label=\"";
    for (std::size_t i = 0; i < n.lines.size(); ++i)
      out << (i == 0 ? "" : "\\n") << escaped(n.lines[i]);
    out << "\"];\n";
  }
  for (const auto& [from, to] : drawing.edges) {
    // gradients go from a GradSum to the value
    const bool back = drawing.nodes[to].kind == Drawing::Kind::sum;
    out << "  " << drawing.nodes[from].id << " -> " << drawing.nodes[to].id
        << (back ? " [dir=back]" : "") << ";\n";
  }
  out << "}\n";
  return out.str();
}

}  // namespace hone
