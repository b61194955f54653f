#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <hone/error.h>

#include "autograd/layout.h"

namespace hone {
namespace {

/// `text` as it may stand in XML, whatever its bytes are.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : escaped(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// What stands in the picture: an op's name apart from its operator's, the middle of long names
/// left out.
Drawing shortened(Drawing drawing) {
  constexpr std::size_t most = 40;
  for (Drawing::Node& node : drawing.nodes) {
    const std::size_t quote = node.lines[0].find(" \"");
    if (node.kind == Drawing::Kind::function && quote != std::string::npos) {
      node.lines.push_back(node.lines[0].substr(quote + 2, node.lines[0].size() - quote - 3));
      node.lines[0].resize(quote);
    }
    for (std::string& line : node.lines) {
      if (line.size() <= most) continue;
      std::size_t begin = most / 2, end = line.size() - most / 2;
      while (begin > 0 && (line[begin] & 0xc0) == 0x80) --begin;  // characters stay whole
      while (end < line.size() && (line[end] & 0xc0) == 0x80) ++end;
      line.replace(begin, end - begin, "...");
    }
  }
  return drawing;
}

void draw_box(std::ostream& out, const Drawing::Node& node, const Layout::Box& box) {
  const double left = box.x - box.width / 2, top = box.y - box.height / 2;
  switch (node.kind) {
    case Drawing::Kind::function:
      out << "<rect x=\"" << left << "\" y=\"" << top << "\" width=\"" << box.width
          << "\" height=\"" << box.height << "\" rx=\"3\"/>";
      break;
    case Drawing::Kind::variable:
      out << "<rect x=\"" << left << "\" y=\"" << top << "\" width=\"" << box.width
          << "\" height=\"" << box.height << "\" rx=\"" << box.height / 2 << "\"/>";
      break;
    case Drawing::Kind::sum: {  // a hexagon
      const double cut = box.height / 2;
      out << "<polygon points=\"" << left << ',' << box.y << ' ' << left + cut << ',' << top << ' '
          << left + box.width - cut << ',' << top << ' ' << left + box.width << ',' << box.y << ' '
          << left + box.width - cut << ',' << top + box.height << ' ' << left + cut << ','
          << top + box.height << "\"/>";
      break;
    }
  }
  double y = box.y - 8.0 * static_cast<double>(node.lines.size()) + 12;
  for (const std::string& line : node.lines) {
    out << "<text x=\"" << box.x << "\" y=\"" << y << "\">" << xml(line) << "</text>";
    y += 16;
  }
}

/// Vertical where it meets a layer, so that the pieces of a long edge go smoothly into one another.
void draw_path(std::ostream& out, const std::vector<Layout::Point>& path) {
  out << "d=\"M" << path[0].x << ' ' << path[0].y;
  for (std::size_t i = 1; i < path.size(); ++i) {
    const double half = (path[i - 1].y + path[i].y) / 2;
    out << " C" << path[i - 1].x << ' ' << half << ' ' << path[i].x << ' ' << half << ' '
        << path[i].x << ' ' << path[i].y;
  }
  out << '"';
}

constexpr const char* style = R"(<style>
text { font: 12px monospace; text-anchor: middle; fill: #222 }
rect, polygon, path { stroke: #555 }
path { fill: none }
.function { fill: #dce9f7 }
.variable { fill: #f6f6f6 }
.sum { fill: #f9d9a8 }
</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"
 orient="auto"><polygon points="0,0 8,4 0,8" fill="#555"/></marker></defs>
)";

}  // namespace

std::string graph_svg(const Variable& y) {
  static constexpr std::array<const char*, 3> kinds{"variable", "function", "sum"};
  const Drawing whole = drawing_of(y), drawing = shortened(whole);
  const Layout layout = layout_of(drawing);
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(1);
  const double width = std::ceil(layout.width), height = std::ceil(layout.height);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\"" << height
      << "\" viewBox=\"0 0 " << width << ' ' << height << "\">\n"
      << style;
  for (std::size_t e = 0; e < drawing.edges.size(); ++e) {
    const auto& [from, to] = drawing.edges[e];
    std::vector<Layout::Point> path = layout.paths[e];
    // gradients go from a GradSum to the value
    if (drawing.nodes[to].kind == Drawing::Kind::sum) std::reverse(path.begin(), path.end());
    out << "<path class=\"edge\" data-from=\"" << drawing.nodes[from].id << "\" data-to=\""
        << drawing.nodes[to].id << "\" marker-end=\"url(#arrow)\" ";
    draw_path(out, path);
    out << "/>\n";
  }
  for (std::size_t i = 0; i < drawing.nodes.size(); ++i) {
    const Drawing::Node& node = drawing.nodes[i];
    out << "<g id=\"" << node.id << "\" class=\"" << kinds[static_cast<std::size_t>(node.kind)]
        << "\"><title>";
    for (const std::string& line : whole.nodes[i].lines) out << xml(line) << '\n';
    out << "</title>";
    draw_box(out, node, layout.boxes[i]);
    out << "</g>\n";
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace hone
