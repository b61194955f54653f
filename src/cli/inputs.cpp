#include <charconv>
#include <fstream>

#include "src/cli/command.h"
#include "src/data/text.h"

namespace hone::cli {
namespace {

/// The names under which input i may come, best first.
std::vector<std::string> keys(const Model& model, std::size_t i, const ModelTensor& input) {
  std::vector<std::string> names{"in_" + std::to_string(i)};
  for (const Signature& s : model.signatures()) {
    for (const auto& [name, tensor] : s.inputs) {
      if (tensor == input.index) names.push_back(name);
    }
  }
  if (!input.name.empty()) names.push_back(input.name);
  return names;
}

}  // namespace

std::vector<Variable> inputs_from(const Model& model, const Arrays& arrays,
                                  const std::string& suffix, Grad grad) {
  const std::vector<ModelTensor> wanted = model.inputs();
  std::vector<Variable> inputs;
  std::string missing;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    bool found = false;
    for (const std::string& key : keys(model, i, wanted[i])) {
      const auto at = arrays.find(key + suffix);
      if (at == arrays.end()) continue;
      Tensor value = at->second;
      if (byte_size(wanted[i].type.dtype) == byte_size(value.dtype()) &&
          is_integer(value.dtype()) && wanted[i].type.quantized()) {
        TensorType type = wanted[i].type;  // raw integers, in the file's quantization
        type.shape = value.shape();
        value = value.retyped(std::move(type));
      }
      const DType d = value.dtype();
      const bool can = d == DType::float32 || value.type().quantized();
      inputs.emplace_back(std::move(value), grad == Grad::yes && can ? Grad::yes : Grad::no);
      found = true;
      break;
    }
    if (!found) missing = keys(model, i, wanted[i])[0] + suffix;
  }
  if (missing.empty()) return inputs;
  if (inputs.empty() && !suffix.empty()) return {};
  std::string there;
  for (const auto& [key, value] : arrays) (there += there.empty() ? "" : ", ") += key;
  fail(ErrorKind::data, "input", "expected an array ", missing, ", got ", escaped(there));
}

Selector selector(const std::string& text) {
  if (!text.starts_with('@')) return {text};
  const std::string path = text.substr(1), where = escaped(path);
  std::ifstream file(path);
  if (!file) fail(ErrorKind::file, where, "expected a file with a selector a line");
  Selector all;
  for (std::string line; std::getline(file, line);) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == ';') continue;
    line = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
    all.text += (all.text.empty() ? "" : ",") + line;
  }
  if (file.bad() || all.text.empty())
    fail(ErrorKind::file, where, "expected a selector a line, got none");
  return all;
}

std::vector<std::size_t> operators_in(const std::string& text) {
  std::vector<std::size_t> operators;
  for (const std::string& part : CLI::detail::split(text, ',')) {
    const std::string digits = part.substr(part.starts_with('#') ? 1 : 0);
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      fail(ErrorKind::argument, "--recompute", "expected operators such as #3,#5, got ",
           excerpt(text));
    }
    operators.push_back(number);
  }
  return operators;
}

}  // namespace hone::cli
