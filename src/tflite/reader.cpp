#include "src/tflite/reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <hone/error.h>

#include "src/schema/tflite_generated.h"
#include "src/tflite/packed.h"
#include "src/tflite/sparse.h"
#include "src/tflite/verifier.h"

namespace hone::file {
namespace {

std::string text(const flatbuffers::String* string) { return string ? string->str() : ""; }

std::vector<std::int32_t> indices(const flatbuffers::Vector<std::int32_t>* vector) {
  const auto span = items(vector);
  return {span.begin(), span.end()};
}

QuantParams affine_params(const tflite::QuantizationParameters& q) {
  QuantParams params;
  const auto scales = items(q.scale());
  if (scales.size() == 1) {
    params.scale = scales[0];
    params.zero_point = static_cast<std::int32_t>(item(*q.zero_point(), 0));
  } else if (scales.size() > 1) {
    params.axis = q.quantized_dimension();
    params.axis_scales = std::make_shared<std::vector<float>>(scales.begin(), scales.end());
    std::vector<std::int32_t> zeros(scales.size());
    for (std::size_t i = 0; i < zeros.size(); ++i) {
      zeros[i] = static_cast<std::int32_t>(item(*q.zero_point(), i));
    }
    if (std::any_of(zeros.begin(), zeros.end(), [](auto z) { return z != 0; })) {
      params.axis_zero_points = std::make_shared<std::vector<std::int32_t>>(std::move(zeros));
    }
  }
  return params;
}

void read_quantization(TensorInfo& t, const tflite::QuantizationParameters* q) {
  if (!q) return;
  t.details = static_cast<QuantDetails>(q->details_type());
  if (const auto* block = q->details_as_BlockwiseQuantization()) {
    t.block_scales = block->scales();
    t.block_zero_points = block->zero_points();
    t.block_size = block->block_size();
  }
  if (t.details == QuantDetails::affine && is_integer(t.type.dtype)) {
    static_cast<QuantParams&>(t.type) = affine_params(*q);
  }
}

std::string why_unsupported(const TensorInfo& t) {
  if (t.table->external_buffer() != 0) return "its values are in another file";
  if (t.details == QuantDetails::custom) return "it has a quantization of its own";
  if (t.details == QuantDetails::multi_axis) return "it is quantized along several dimensions";
  if (t.constant && packed_bits(t.type.dtype) == 0) {
    return t.type.dtype == DType::string ? "it holds strings" : "it holds a resource";
  }
  return "";
}

TensorInfo read_tensor(const ModelFile& file, const tflite::Tensor& tensor) {
  TensorInfo t;
  t.table = &tensor;
  t.name = text(tensor.name());
  t.type.dtype = static_cast<DType>(tensor.type());
  for (const std::int32_t dim : items(tensor.shape())) t.type.shape.append(dim);
  t.shape_signature = indices(tensor.shape_signature());
  t.buffer = tensor.buffer();
  t.data = *buffer_bytes(file.bytes, file.model->buffers()->Get(tensor.buffer()));
  t.constant = !t.data.empty() || tensor.external_buffer() != 0;
  t.is_variable = tensor.is_variable();
  t.sparse = tensor.sparsity() != nullptr;
  read_quantization(t, tensor.quantization());
  t.unsupported = why_unsupported(t);
  return t;
}

OperatorInfo read_operator(const ModelFile& file, const tflite::Operator& op) {
  const auto& code = *file.model->operator_codes()->Get(op.opcode_index());
  OperatorInfo o;
  o.code = builtin_code(code);
  o.custom_code = text(code.custom_code());
  o.name = operator_name(code);
  o.version = code.version();
  o.inputs = indices(op.inputs());
  o.outputs = indices(op.outputs());
  o.intermediates = indices(op.intermediates());
  std::span<const std::byte> custom;
  if (op.large_custom_options_offset() > 1) {
    custom = file.bytes.subspan(static_cast<std::size_t>(op.large_custom_options_offset()),
                                static_cast<std::size_t>(op.large_custom_options_size()));
  }
  o.options = Options(&op, o.version, custom);
  return o;
}

// Tensors without elements that nothing makes are constants too: an empty list of axes, for
// instance.
void mark_empty_constants(Subgraph& graph) {
  std::vector<bool> made(graph.tensors.size());
  const auto mark = [&](const std::vector<std::int32_t>& list) {
    for (const std::int32_t i : list) made[static_cast<std::size_t>(i)] = true;
  };
  mark(graph.inputs);
  for (const OperatorInfo& op : graph.operators) mark(op.outputs);
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    TensorInfo& t = graph.tensors[i];
    if (!made[i] && !t.is_variable && t.type.numel() == 0) t.constant = true;
  }
}

Subgraph read_subgraph(const ModelFile& file, const tflite::SubGraph& graph) {
  Subgraph s;
  s.name = text(graph.name());
  s.inputs = indices(graph.inputs());
  s.outputs = indices(graph.outputs());
  s.tensors.reserve(graph.tensors()->size());
  for (const auto* tensor : *graph.tensors()) s.tensors.push_back(read_tensor(file, *tensor));
  if (graph.operators()) {
    s.operators.reserve(graph.operators()->size());
    for (const auto* op : *graph.operators()) s.operators.push_back(read_operator(file, *op));
  }
  mark_empty_constants(s);
  return s;
}

std::vector<NamedTensor> read_names(
    const flatbuffers::Vector<flatbuffers::Offset<tflite::TensorMap>>* maps) {
  std::vector<NamedTensor> names;
  for (unsigned i = 0; i < size_of(maps); ++i) {
    names.push_back(
        {text(maps->Get(i)->name()), static_cast<std::int32_t>(maps->Get(i)->tensor_index())});
  }
  return names;
}

ModelFile read(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
               const Limits& limits, const std::string& source) {
  ModelFile file;
  file.source = source;
  file.bytes = bytes;
  file.owner = std::move(owner);
  file.limits = limits;
  file.model = verify(bytes, limits, source, file.warnings);
  file.description = text(file.model->description());
  for (const auto* graph : *file.model->subgraphs()) {
    file.subgraphs.push_back(read_subgraph(file, *graph));
  }
  for (unsigned i = 0; i < size_of(file.model->signature_defs()); ++i) {
    const auto& s = *file.model->signature_defs()->Get(i);
    file.signatures.push_back({text(s.signature_key()),
                               static_cast<std::int32_t>(s.subgraph_index()),
                               read_names(s.inputs()), read_names(s.outputs())});
  }
  for (unsigned i = 0; i < size_of(file.model->metadata()); ++i) {
    const auto& m = *file.model->metadata()->Get(i);
    file.metadata.push_back(
        {text(m.name()), *buffer_bytes(bytes, file.model->buffers()->Get(m.buffer()))});
  }
  return file;
}

[[noreturn]] void fail_with_errno(const std::string& path, std::string_view what) {
  fail(ErrorKind::file, path, "expected ", what, ", got: ", std::generic_category().message(errno));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

ModelFile load_file(const std::string& path, const Limits& limits) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) fail_with_errno(path, "a readable file");
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) fail_with_errno(path, "a readable file");
  if (!S_ISREG(status.st_mode))
    fail(ErrorKind::file, path, "expected a file, got a folder or device");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size == 0 || size > std::min<std::uint64_t>(limits.file_bytes, SIZE_MAX)) {
    fail(ErrorKind::file, path, "expected 8 to ", limits.file_bytes, " bytes, got ", size);
  }
  const auto length = static_cast<std::size_t>(size);
  void* data = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) fail_with_errno(path, "a file that can be mapped");
  std::shared_ptr<const void> owner(
      data, [length](const void* p) { ::munmap(const_cast<void*>(p), length); });
  return read({static_cast<const std::byte*>(data), length}, std::move(owner), limits, path);
}

ModelFile load_bytes(std::span<const std::byte> bytes, const Limits& limits,
                     const std::string& source) {
  struct alignas(16) Block {
    std::byte bytes[16];
  };
  const auto owner = std::make_shared<std::vector<Block>>(bytes.size() / sizeof(Block) + 1);
  std::byte* const copy = owner->data()->bytes;
  std::copy(bytes.begin(), bytes.end(), copy);
  return read({copy, bytes.size()}, owner, limits, source);
}

Tensor ModelFile::constant(std::size_t subgraph, std::int32_t index,
                           std::pmr::memory_resource* memory) const {
  const TensorInfo& t = tensor(subgraph, index);
  if (!t.constant) {
    fail(ErrorKind::argument, tensor_place(*this, subgraph, index),
         "expected a constant, got a value"
         " made while the model runs");
  }
  if (!t.unsupported.empty()) {
    fail(ErrorKind::unsupported, tensor_place(*this, subgraph, index),
         "expected a constant that hone can read, but ", t.unsupported);
  }
  const std::size_t element = byte_size(t.type.dtype), numel = t.type.numel();
  const bool packed = packed_bits(t.type.dtype) < 8;
  const bool aligned = reinterpret_cast<std::uintptr_t>(t.data.data()) % element == 0;
  if (!packed && !t.sparse && aligned && numel > 0) {
    return Tensor::borrow(t.type, const_cast<std::byte*>(t.data.data()), owner);
  }
  if (!t.sparse) {
    Tensor result(t.type, memory);
    if (packed)
      unpack(t.type.dtype, t.data, {result.mutable_raw(), numel});
    else
      std::copy_n(t.data.begin(), numel * element, result.mutable_raw());
    return result;
  }
  const auto positions = sparse_positions(sparse_levels(*t.table));
  std::vector<std::byte> values(t.data.begin(), t.data.end());
  if (packed) {
    values.resize(positions.size());
    unpack(t.type.dtype, t.data, values);
  }
  Tensor result = Tensor::zeros(t.type, memory);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    std::copy_n(values.data() + i * element, element,
                result.mutable_raw() + positions[i] * element);
  }
  return result;
}

std::string operator_place(const ModelFile& file, std::size_t subgraph, std::size_t index) {
  return operator_place(*file.model, subgraph, index);
}

std::string tensor_place(const ModelFile& file, std::size_t subgraph, std::int32_t index) {
  return tensor_place(*file.model, subgraph, static_cast<std::size_t>(index));
}

}  // namespace hone::file
