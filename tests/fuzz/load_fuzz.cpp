/// Loads, reads and rewrites arbitrary bytes.  Seeds: any small models, `load_fuzz tests/models`.

#include <cstddef>
#include <cstdint>
#include <span>

#include <hone/error.h>

#include "src/tflite/reader.h"
#include "src/tflite/writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file =
        hone::file::load_bytes(std::as_bytes(std::span(data, size)),
                               {.tensor_bytes = 1u << 24, .activation_bytes = 1u << 24});
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
  } catch (const hone::Error&) {
  }
  return 0;
}
