#pragma once
/// The graph as people draw it: what graph_dot() and graph_svg() both show.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <hone/variable.h>

namespace hone {

struct Drawing {
  enum class Kind : std::uint8_t { variable, function, sum };

  struct Node {
    Kind kind;
    std::string id;  ///< v0, v1, ... for values, f7 for call 7, s0, s1, ... for GradSums
    std::vector<std::string> lines;  ///< what stands in it; from files, not escaped
  };
  /// In the direction of forward.
  struct Edge {
    std::size_t from, to;  ///< indices into nodes
  };

  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

/// Calls in the order of forward, each after its inputs; a GradSum stands between a value that is
/// used more than once and the calls that use it.
Drawing drawing_of(const Variable& y);

}  // namespace hone
