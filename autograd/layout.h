#pragma once
/// Where the nodes of a drawing stand: in layers, each below everything that it comes from.

#include <vector>

#include "autograd/drawing.h"

namespace hone {

/// In pixels, from the upper left corner.
struct Layout {
  struct Box {
    double x, y, width, height;  ///< x, y: of the middle
  };
  struct Point {
    double x, y;
  };

  double width = 0, height = 0;
  std::vector<Box> boxes;  ///< of each node
  std::vector<std::vector<Point>>
      paths;  ///< of each edge, from the lower rim of one box to the upper rim of the other
};

/// Layers by the longest path, with a bend of a long edge in every layer that it passes; within a
/// layer the order and the places that pull every node towards its neighbours, in a few sweeps down
/// and up.  Sugiyama, Tagawa and Toda (1981); places by least squares under the order of the layer
/// (pool adjacent violators).
Layout layout_of(const Drawing& drawing);

}  // namespace hone
