#include <algorithm>
#include <charconv>

#include "src/model/graph.h"

namespace hone {

Selector all() { return {"all"}; }
Selector head() { return {"head"}; }
Selector last(std::size_t operators) { return {"last:" + std::to_string(operators)}; }
Selector biases() { return {"bias"}; }
Selector matching(std::string_view pattern) { return {std::string(pattern)}; }

namespace model {
namespace {

/// Whether `text` matches `pattern`, in which `*` stands for any text.
bool matches(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  // Each piece between stars is taken where it first fits; the last one must end the text.
  for (;;) {
    const std::size_t next = pattern.find('*');
    if (next == std::string_view::npos)
      return text.size() >= pattern.size() && text.ends_with(pattern);
    const std::size_t at = text.find(pattern.substr(0, next));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + next);
    pattern.remove_prefix(next + 1);
  }
}

std::size_t number(std::string_view text, std::string_view term) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail(ErrorKind::argument, "selector", "expected a number in \"", escaped(term), "\"");
  }
  return value;
}

/// The operators with weights, last first.
std::vector<std::size_t> owners(const std::vector<Weight>& weights) {
  std::vector<std::size_t> nodes;
  for (const Weight& w : weights) nodes.push_back(w.node);
  std::sort(nodes.begin(), nodes.end(), std::greater<>());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

struct Term {
  std::string_view text;
  const Graph& graph;
  const file::ModelFile& file;
  std::vector<std::size_t> nodes;  // owners, last first

  bool takes(const Weight& w) const {
    if (text == "all") return true;
    if (text == "bias") return w.bias;
    if (text == "head") return w.node == nodes.front();
    for (const std::string_view part : {"last:", "bias:"}) {
      if (!text.starts_with(part)) continue;
      const std::size_t n = std::min(number(text.substr(part.size()), text), nodes.size());
      return n > 0 && w.node >= nodes[n - 1] && (w.bias || part == "last:");
    }
    if (text.starts_with('#'))
      return static_cast<std::size_t>(w.tensor) == number(text.substr(1), text);
    const auto& tensors = file.subgraphs[0].tensors;
    const Node& node = graph.nodes[w.node];
    if (matches(text, tensors[static_cast<std::size_t>(w.tensor)].name)) return true;
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](std::int32_t t) {
      return matches(text, tensors[static_cast<std::size_t>(t)].name);
    });
  }
};

/// Throws Error where `text` names a sparse constant.
void refuse_sparse(std::string_view text, const Graph& graph, const file::ModelFile& file) {
  for (std::size_t t = 0; t < graph.sparse.size(); ++t) {
    const std::string& name = file.subgraphs[0].tensors[t].name;
    if (!graph.sparse[t] || (text != '#' + std::to_string(t) && !matches(text, name))) continue;
    fail(ErrorKind::unsupported, "selector", "expected dense weights, \"", escaped(text),
         "\" names tensor #", t, ", which is sparse: hone reads those and does not write them");
  }
}

}  // namespace

std::vector<Weight> select(const Selector& selector, const Graph& graph,
                           const file::ModelFile& file, const std::vector<Weight>& weights) {
  if (weights.empty()) refuse_sparse(selector.text, graph, file);
  if (weights.empty())
    fail(ErrorKind::unsupported, "selector", "expected a model with weights, this one has none");
  const std::vector<std::size_t> nodes = owners(weights);
  std::vector<bool> taken(weights.size(), false);
  std::string_view rest = selector.text;
  for (;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const Term term{rest.substr(0, comma), graph, file, nodes};
    bool any = false;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!term.takes(weights[i])) continue;
      taken[i] = any = true;
    }
    if (!any) {
      refuse_sparse(term.text, graph, file);
      fail(ErrorKind::argument, "selector",
           "expected all, head, bias, last:N, bias:N, a name with *, or #tensor; \"",
           escaped(term.text), "\" names no weight of this model");
    }
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
  }
  std::vector<Weight> chosen;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (taken[i]) chosen.push_back(weights[i]);
  }
  return chosen;
}

}  // namespace model
}  // namespace hone
