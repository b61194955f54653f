/// Loads, reads, rewrites and runs arbitrary bytes.  Seeds: any small models, `load_fuzz
/// tests/models`.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <hone/error.h>
#include <hone/model.h>

#include "src/tflite/reader.h"
#include "src/tflite/writer.h"

namespace {

constexpr std::size_t limit_bytes = std::size_t{1} << 24;

void rewrite(std::span<const std::byte> bytes) {
  const auto file =
      hone::file::load_bytes(bytes, {.tensor_bytes = limit_bytes, .activation_bytes = limit_bytes});
  hone::file::Changes changes{.metadata = {{"hone", {}}}};
  for (std::size_t i = 0; i < file.subgraphs[0].tensors.size(); ++i) {
    const auto& t = file.subgraphs[0].tensors[i];
    if (!t.constant || !t.unsupported.empty()) continue;
    const auto index = static_cast<std::int32_t>(i);
    hone::Tensor values = file.constant(0, index).clone();
    if (t.sparse || values.bytes() == 0) continue;
    values.mutable_raw()[0] ^= std::byte{1};
    changes.edits.push_back({0, index, values});
  }
  hone::file::apply(file, changes);
}

void run(std::span<const std::byte> bytes) {
  hone::Model model = hone::Model::load(bytes, {.max_activation_bytes = limit_bytes});
  std::vector<hone::Variable> inputs;
  std::size_t left = limit_bytes;
  for (const hone::ModelTensor& input : model.inputs()) {
    const std::size_t element_bytes = hone::byte_size(input.type.dtype);
    for (const std::int64_t d : input.type.shape) {
      if (d > 0 && left / static_cast<std::size_t>(d) < element_bytes) return;
      if (d > 0) left /= static_cast<std::size_t>(d);
    }
    inputs.emplace_back(hone::Tensor::zeros(input.type));
  }
  model.run(inputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes = std::as_bytes(std::span(data, size));
  for (const auto use : {rewrite, run}) {
    try {
      use(bytes);
    } catch (const hone::Error&) {
    }
  }
  return 0;
}
