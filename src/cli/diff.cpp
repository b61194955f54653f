#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>
#include <memory>

#include "src/cli/command.h"
#include "src/schema/tflite_generated.h"
#include "src/tflite/reader.h"
#include "src/tflite/writer.h"

namespace hone::cli {
namespace {

struct Change {
  std::string name;
  std::size_t graph = 0;
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
  Change change{
      .name = from.name, .graph = graph, .tensor = t, .requantized = !(from.type == to.type)};
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

/// The file without its metadata and the values and scales of the tensors that changed, in one
/// canonical form.
std::vector<std::uint8_t> rest_of(const file::ModelFile& file, const std::vector<Change>& changes,
                                  std::size_t buffers) {
  const std::unique_ptr<tflite::ModelT> model = file::unpack(file);
  model->metadata.clear();
  for (const Change& c : changes) {
    auto& tensor = *model->subgraphs[c.graph]->tensors[static_cast<std::size_t>(c.tensor)];
    tensor.buffer = 0;
    tensor.quantization.reset();
  }
  std::vector<bool> used(model->buffers.size(), false);
  for (const auto& graph : model->subgraphs) {
    for (const auto& tensor : graph->tensors) used.at(tensor->buffer) = true;
  }
  for (std::size_t b = 0; b < used.size(); ++b) {
    if (!used[b]) model->buffers[b]->data.clear();
  }
  while (model->buffers.size() > buffers && !used[model->buffers.size() - 1])
    model->buffers.pop_back();
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::Model::Pack(builder, model.get()));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

bool nothing_else(const file::ModelFile& a, const file::ModelFile& b,
                  const std::vector<Change>& changes) {
  const std::size_t buffers =
      std::min(file::unpack(a)->buffers.size(), file::unpack(b)->buffers.size());
  return rest_of(a, changes, buffers) == rest_of(b, changes, buffers);
}

std::size_t bytes_changed(std::span<const std::byte> a, std::span<const std::byte> b) {
  std::size_t n = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) n += a[i] != b[i];
  return n;
}

struct Differences {
  std::string structure;  // what keeps tensors from being compared one by one
  std::vector<Change> tensors;
  std::vector<std::string> metadata;
  std::size_t bytes = 0;
  bool others = false;  // anything else: names, options, signatures, which tensor goes where
};

Differences differences(const file::ModelFile& a, const file::ModelFile& b) {
  Differences d{.structure = structure_difference(a, b),
                .metadata = changed_metadata(a, b),
                .bytes = bytes_changed(a.bytes, b.bytes)};
  if (!d.structure.empty()) return d;
  for (std::size_t g = 0; g < a.subgraphs.size(); ++g) {
    for (std::size_t t = 0; t < a.subgraphs[g].tensors.size(); ++t) {
      if (auto change = compare(a, b, g, static_cast<std::int32_t>(t)))
        d.tensors.push_back(std::move(*change));
    }
  }
  d.others = d.bytes != 0 && !nothing_else(a, b, d.tensors);
  return d;
}

void print_json(const Differences& d) {
  nlohmann::json j{{"identical", d.bytes == 0},
                   {"structure", d.structure},
                   {"others", d.others},
                   {"bytes_changed", d.bytes},
                   {"metadata", d.metadata}};
  j["tensors"] = nlohmann::json::array();
  for (const Change& c : d.tensors) {
    j["tensors"].push_back({{"subgraph", c.graph},
                            {"tensor", c.tensor},
                            {"name", c.name},
                            {"elements", c.elements},
                            {"changed", c.changed},
                            {"largest", c.largest},
                            {"requantized", c.requantized}});
  }
  print(j);
}

void print_text(const Differences& d) {
  if (d.bytes == 0) std::cout << "identical\n";
  if (!d.structure.empty()) std::cout << "another structure: " << d.structure << '\n';
  for (const Change& c : d.tensors) {
    std::cout << '#' << c.tensor << ' ' << escaped(c.name) << ": " << c.changed << " of "
              << c.elements << " elements, by at most " << c.largest
              << (c.requantized ? ", other scales" : "") << '\n';
  }
  for (const std::string& name : d.metadata) std::cout << "metadata " << escaped(name) << '\n';
  if (d.bytes == 0) return;
  std::cout << d.bytes << " bytes changed";
  if (d.others) std::cout << ", also in names, options, signatures or which tensor goes where";
  if (d.structure.empty() && !d.others) std::cout << ", nothing else did";
  std::cout << '\n';
}

void diff(const std::string& first, const std::string& second, const Common& common) {
  const Differences d = differences(file::load_file(first), file::load_file(second));
  common.json ? print_json(d) : print_text(d);
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
