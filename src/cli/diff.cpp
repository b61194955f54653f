#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>
#include <memory>

#include "src/cli/command.h"
#include "src/tflite/reader.h"

namespace hone::cli {
namespace {

struct Change {
  std::string name;
  std::int32_t tensor = 0;
  std::size_t elements = 0, changed = 0;
  double largest = 0;  // in real units where it is float-valued, else in integers
  bool requantized = false;
};

bool float_valued(const TensorType& t) {
  return t.dtype == DType::float32 || t.dtype == DType::float16 || t.dtype == DType::float64 ||
         t.quantized();
}

std::optional<Change> compare(const file::ModelFile& a, const file::ModelFile& b, std::size_t graph,
                              std::int32_t t) {
  const file::TensorInfo &from = a.tensor(graph, t), &to = b.tensor(graph, t);
  const bool same = std::equal(from.data.begin(), from.data.end(), to.data.begin(), to.data.end());
  Change change{.name = from.name, .tensor = t, .requantized = !(from.type == to.type)};
  if (same && !change.requantized) return std::nullopt;
  if (!from.constant || !to.constant || !from.unsupported.empty() ||
      from.type.shape != to.type.shape)
    return change;
  const Tensor x = a.constant(graph, t), y = b.constant(graph, t);
  change.elements = x.numel();
  const std::size_t width = byte_size(x.dtype());
  for (std::size_t i = 0; i < x.numel() && width == byte_size(y.dtype()); ++i) {
    change.changed += std::memcmp(x.raw() + i * width, y.raw() + i * width, width) != 0;
  }
  if (!float_valued(x.type()) || !float_valued(y.type())) return change;
  const Tensor fx = x.to_float(), fy = y.to_float();
  for (std::size_t i = 0; i < fx.numel(); ++i) {
    change.largest = std::max(
        change.largest, std::abs(static_cast<double>(fy.data<float>()[i]) - fx.data<float>()[i]));
  }
  return change;
}

/// What must be equal for tensors to be compared one by one.
std::string structure_difference(const file::ModelFile& a, const file::ModelFile& b) {
  if (a.subgraphs.size() != b.subgraphs.size()) return "number of subgraphs";
  for (std::size_t g = 0; g < a.subgraphs.size(); ++g) {
    const file::Subgraph &x = a.subgraphs[g], &y = b.subgraphs[g];
    if (x.tensors.size() > y.tensors.size()) return "number of tensors";
    if (x.operators.size() != y.operators.size()) return "number of operators";
    for (std::size_t i = 0; i < x.operators.size(); ++i) {
      if (x.operators[i].name != y.operators[i].name) return "operator " + std::to_string(i);
    }
  }
  return "";
}

std::vector<std::string> changed_metadata(const file::ModelFile& a, const file::ModelFile& b) {
  std::vector<std::string> names;
  for (const file::Metadata& m : b.metadata) {
    const auto old = std::find_if(a.metadata.begin(), a.metadata.end(),
                                  [&](const auto& o) { return o.name == m.name; });
    if (old == a.metadata.end() ||
        !std::equal(old->bytes.begin(), old->bytes.end(), m.bytes.begin(), m.bytes.end())) {
      names.push_back(m.name);
    }
  }
  return names;
}

void diff(const std::string& first, const std::string& second, const Common& common) {
  const file::ModelFile a = file::load_file(first), b = file::load_file(second);
  const std::string structure = structure_difference(a, b);
  std::vector<Change> changes;
  if (structure.empty()) {
    for (std::size_t g = 0; g < a.subgraphs.size(); ++g) {
      for (std::size_t t = 0; t < a.subgraphs[g].tensors.size(); ++t) {
        if (auto change = compare(a, b, g, static_cast<std::int32_t>(t)))
          changes.push_back(std::move(*change));
      }
    }
  }
  std::size_t bytes = a.bytes.size() > b.bytes.size() ? a.bytes.size() - b.bytes.size()
                                                      : b.bytes.size() - a.bytes.size();
  for (std::size_t i = 0; i < std::min(a.bytes.size(), b.bytes.size()); ++i)
    bytes += a.bytes[i] != b.bytes[i];
  const std::vector<std::string> metadata = changed_metadata(a, b);
  if (common.json) {
    nlohmann::json j{{"identical", bytes == 0},
                     {"structure", structure},
                     {"bytes_changed", bytes},
                     {"metadata", metadata}};
    j["tensors"] = nlohmann::json::array();
    for (const Change& c : changes) {
      j["tensors"].push_back({{"tensor", c.tensor},
                              {"name", c.name},
                              {"elements", c.elements},
                              {"changed", c.changed},
                              {"largest", c.largest},
                              {"requantized", c.requantized}});
    }
    return print(j);
  }
  if (bytes == 0) std::cout << "identical\n";
  if (!structure.empty()) std::cout << "another structure: " << structure << '\n';
  for (const Change& c : changes) {
    std::cout << '#' << c.tensor << ' ' << escaped(c.name) << ": " << c.changed << " of "
              << c.elements << " elements, by at most " << c.largest
              << (c.requantized ? ", other scales" : "") << '\n';
  }
  for (const std::string& name : metadata) std::cout << "metadata " << escaped(name) << '\n';
  if (bytes != 0) std::cout << bytes << " bytes changed, nothing else did\n";
}

}  // namespace

void add_diff(CLI::App& root, Common& common) {
  struct Args {
    std::string first, second;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* sub = add(root, common, "diff", "which tensors changed, by how much",
                      [&common, args] { diff(args->first, args->second, common); });
  sub->add_option("A", args->first, "a .tflite file")->required();
  sub->add_option("B", args->second, "another")->required();
}

}  // namespace hone::cli
