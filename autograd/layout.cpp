#include "autograd/layout.h"

#include <algorithm>
#include <numeric>

namespace hone {
namespace {

constexpr double letter_width = 7.3, line_height = 16, margin = 20, gap = 24, layer_gap = 34;
constexpr std::size_t most_bends = 200'000;  // beyond, long edges go straight through
constexpr int sweeps = 8;

/// A node of the drawing, or a bend of an edge.
struct Item {
  double x = 0, width = 0;
  double weight = 1;                      // of its own wish, and as a neighbour
  std::vector<std::size_t> above, below;  // neighbours in the layers next to its own
};

/// Puts `layer` in the order of `wanted` and as near to it as widths and gaps allow: x_i - (sum of
/// the space before i) must not fall, so it is an isotonic regression, solved by pooling neighbours
/// that violate it.
void place(std::vector<Item>& items, std::vector<std::size_t>& layer,
           const std::vector<double>& wanted) {
  struct Pool {
    double sum, weight;
    std::size_t n;
    double mean() const { return sum / weight; }
  };
  std::stable_sort(layer.begin(), layer.end(),
                   [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<Pool> pools;
  std::vector<double> before(layer.size());
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (i > 0) {
      before[i] = before[i - 1] + (items[layer[i - 1]].width + items[layer[i]].width) / 2 + gap;
    }
    const double weight = items[layer[i]].weight;
    pools.push_back({weight * (wanted[layer[i]] - before[i]), weight, 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean() > pools.back().mean()) {
      pools[pools.size() - 2].sum += pools.back().sum;
      pools[pools.size() - 2].weight += pools.back().weight;
      pools[pools.size() - 2].n += pools.back().n;
      pools.pop_back();
    }
  }
  std::size_t i = 0;
  for (const Pool& pool : pools) {
    for (std::size_t k = 0; k < pool.n; ++k, ++i) items[layer[i]].x = pool.mean() + before[i];
  }
}

class Layers {
 public:
  explicit Layers(const Drawing& drawing) : drawing_(drawing), items_(drawing.nodes.size()) {
    rank();
    layers_.resize(depth_);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      std::size_t letters = 0;
      for (const std::string& line : drawing.nodes[i].lines)
        letters = std::max(letters, line.size());
      items_[i].width = static_cast<double>(letters) * letter_width + 28;
      layers_[ranks_[i]].push_back(i);
    }
    connect();
    for (Item& item : items_) {
      if (item.above.empty())
        item.weight = 0.01;  // weights give way: the way of the data is straight
    }
    std::vector<double> wanted(items_.size(), 0);
    for (auto& layer : layers_) place(items_, layer, wanted);
    for (int k = 0; k < sweeps; ++k) sweep(k % 2 == 0);
  }

  Layout take() {
    Layout out;
    double least = 0, most = 0;
    for (const Item& item : items_) {
      least = std::min(least, item.x - item.width / 2);
      most = std::max(most, item.x + item.width / 2);
    }
    out.width = most - least + 2 * margin;
    std::vector<double> middle(depth_);
    double y = margin;
    for (std::size_t r = 0; r < depth_; ++r) {
      double height = 0;
      for (const std::size_t i : layers_[r]) height = std::max(height, height_of(i));
      middle[r] = y + height / 2;
      y += height + layer_gap;
    }
    out.height = y - layer_gap + margin;
    for (Item& item : items_) item.x += margin - least;
    for (std::size_t i = 0; i < drawing_.nodes.size(); ++i)
      out.boxes.push_back({items_[i].x, middle[ranks_[i]], items_[i].width, height_of(i)});
    route(out, middle);
    return out;
  }

 private:
  /// The longest path to each node, nodes being in the order of forward; a value that nothing made
  /// comes down to the layer above its first use.
  void rank() {
    const std::size_t n = drawing_.nodes.size();
    std::vector<std::vector<std::size_t>> into(n), out_of(n);
    for (const auto& [from, to] : drawing_.edges) {
      into[to].push_back(from);
      out_of[from].push_back(to);
    }
    ranks_.assign(n, 0);
    for (const std::size_t i : in_order(into, out_of)) {
      for (const std::size_t from : into[i]) ranks_[i] = std::max(ranks_[i], ranks_[from] + 1);
      depth_ = std::max(depth_, ranks_[i] + 1);
    }
    const auto first_use = [&](std::size_t i) {
      std::size_t first = depth_;
      for (const std::size_t to : out_of[i]) first = std::min(first, ranks_[to]);
      return first;
    };
    for (std::size_t i = 0; i < n; ++i) {
      if (!into[i].empty() || out_of[i].empty()) continue;
      for (const std::size_t to : out_of[i]) {
        const bool sum_of_a_leaf = drawing_.nodes[to].kind == Drawing::Kind::sum;
        if (sum_of_a_leaf) ranks_[to] = first_use(to) - 1;
      }
      ranks_[i] = first_use(i) - 1;
    }
  }

  /// Every node after those that it comes from.
  static std::vector<std::size_t> in_order(const std::vector<std::vector<std::size_t>>& into,
                                           const std::vector<std::vector<std::size_t>>& out_of) {
    std::vector<std::size_t> order, waiting(into.size());
    for (std::size_t i = 0; i < into.size(); ++i) {
      waiting[i] = into[i].size();
      if (waiting[i] == 0) order.push_back(i);
    }
    for (std::size_t k = 0; k < order.size(); ++k) {
      for (const std::size_t to : out_of[order[k]]) {
        if (--waiting[to] == 0) order.push_back(to);
      }
    }
    return order;
  }

  void connect() {
    std::size_t bends = 0;
    for (const auto& [from, to] : drawing_.edges) bends += ranks_[to] - ranks_[from] - 1;
    for (const auto& [from, to] : drawing_.edges) {
      chains_.push_back({from});
      for (std::size_t r = ranks_[from] + 1; r < ranks_[to] && bends <= most_bends; ++r) {
        layers_[r].push_back(items_.size());
        chains_.back().push_back(items_.size());
        items_.emplace_back();
      }
      chains_.back().push_back(to);
      for (std::size_t i = 1; i < chains_.back().size(); ++i) {
        items_[chains_.back()[i - 1]].below.push_back(chains_.back()[i]);
        items_[chains_.back()[i]].above.push_back(chains_.back()[i - 1]);
      }
    }
  }

  void sweep(bool down) {
    std::vector<double> wanted(items_.size());
    for (std::size_t k = 0; k < depth_; ++k) {
      auto& layer = layers_[down ? k : depth_ - 1 - k];
      for (const std::size_t i : layer) {
        const auto& near = down ? items_[i].above : items_[i].below;
        const auto& far = down ? items_[i].below : items_[i].above;
        const auto& pull = near.empty() ? far : near;
        double sum = 0, weight = 0;
        for (const std::size_t other : pull) {
          sum += items_[other].weight * items_[other].x;
          weight += items_[other].weight;
        }
        wanted[i] = pull.empty() ? items_[i].x : sum / weight;
      }
      place(items_, layer, wanted);
    }
  }

  double height_of(std::size_t i) const {
    return i < drawing_.nodes.size()
               ? static_cast<double>(drawing_.nodes[i].lines.size()) * line_height + 14
               : 0;
  }

  /// The edges at one side of a box leave it at different places, in the order of where they go.
  void route(Layout& out, const std::vector<double>& middle) {
    const std::size_t n = drawing_.nodes.size();
    std::vector<std::vector<std::size_t>> leaving(n), coming(n);
    for (std::size_t e = 0; e < chains_.size(); ++e) {
      leaving[chains_[e].front()].push_back(e);
      coming[chains_[e].back()].push_back(e);
      out.paths.emplace_back();
      std::size_t r = ranks_[chains_[e].front()];
      for (const std::size_t item : chains_[e])
        out.paths.back().push_back({items_[item].x, middle[r++]});
    }
    const auto spread = [&](std::vector<std::size_t>& edges, const Layout::Box& box, bool lower) {
      const auto other = [&](std::size_t e) {
        const auto& path = out.paths[e];
        return lower ? path[1].x : path[path.size() - 2].x;
      };
      std::stable_sort(edges.begin(), edges.end(),
                       [&](std::size_t a, std::size_t b) { return other(a) < other(b); });
      for (std::size_t k = 0; k < edges.size(); ++k) {
        const double share = static_cast<double>(k + 1) / static_cast<double>(edges.size() + 1);
        const double x = box.x + (share - 0.5) * box.width / 2;
        auto& path = out.paths[edges[k]];
        (lower ? path.front() : path.back()) = {x, box.y + (lower ? 1 : -1) * box.height / 2};
      }
    };
    for (std::size_t i = 0; i < n; ++i) spread(leaving[i], out.boxes[i], true);
    for (std::size_t i = 0; i < n; ++i) spread(coming[i], out.boxes[i], false);
  }

  const Drawing& drawing_;
  std::vector<Item> items_;
  std::vector<std::size_t> ranks_;
  std::size_t depth_ = 0;
  std::vector<std::vector<std::size_t>> layers_, chains_;  // chains: the items of each edge
};

}  // namespace

Layout layout_of(const Drawing& drawing) { return Layers(drawing).take(); }

}  // namespace hone
