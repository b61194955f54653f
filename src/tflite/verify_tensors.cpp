#include <algorithm>
#include <cmath>
#include <string_view>

#include "src/schema/tflite_generated.h"
#include "src/tflite/packed.h"
#include "src/tflite/verifier.h"

namespace hone::file {
namespace {

/// One tensor under examination; names itself only when something is wrong with it.
struct Subject {
  const Verification& v;
  std::size_t subgraph, index;
  const tflite::Tensor& tensor;
  std::size_t tensors;  // in the subgraph
  std::span<const std::byte> data;

  DType dtype() const { return static_cast<DType>(tensor.type()); }
  std::span<const std::int32_t> shape() const { return items(tensor.shape()); }
  std::string where() const { return tensor_place(*v.model, subgraph, index); }
  void require(bool good, const auto&... parts) const {
    if (!good) fail(ErrorKind::file, where(), parts...);
  }
};

// Elements; a dimension of 0 does not hide an overflow among the others.
std::uint64_t verify_shape(const Subject& s) {
  const auto shape = s.shape(), signature = items(s.tensor.shape_signature());
  s.require(shape.size() <= Shape::max_rank, "expected at most ", Shape::max_rank,
            " dimensions, got ", shape.size());
  s.require(signature.empty() || signature.size() == shape.size(), "expected a shape signature of ",
            shape.size(), " dimensions, got ", signature.size());
  for (const std::int32_t dim : signature) {
    s.require(dim >= -1, "expected a signature of dimensions or -1, got ", dim);
  }
  const std::uint64_t limit = s.v.limits.tensor_bytes;
  std::uint64_t product = 1;
  bool zero = false;
  for (const std::int32_t dim : shape) {
    s.require(dim >= 0, "expected dimensions of at least 0, got ", dim);
    zero |= dim == 0;
    product *= std::max<std::uint64_t>(1, static_cast<std::uint64_t>(dim));
    s.require(product <= limit, "expected at most ", limit, " elements, got more");
  }
  s.require(packed_bits(s.dtype()) == 0 || packed_bytes(s.dtype(), product) <= limit,
            "expected at most ", limit, " bytes, got ", product, " elements of ", s.dtype());
  return zero ? 0 : product;
}

// n, then n + 1 offsets from the start of the buffer, then the characters.
void verify_strings(const Subject& s, std::uint64_t numel) {
  const auto word = [&](std::uint64_t i) {
    std::uint32_t value;
    std::memcpy(&value, s.data.data() + 4 * i, 4);
    return value;
  };
  s.require(s.data.size() >= 8, "expected a table of strings, got ", s.data.size(), " bytes");
  const std::uint64_t count = word(0);
  s.require(count <= s.v.limits.strings && count == numel, "expected ", numel,
            " strings (and at most ", s.v.limits.strings, "), got ", count);
  s.require(4 * (count + 2) <= s.data.size(), "expected ", count + 1, " offsets, got ",
            s.data.size(), " bytes");
  std::uint64_t last = 4 * (count + 2);
  for (std::uint64_t i = 1; i <= count + 1; ++i) {
    s.require(word(i) >= last && word(i) <= s.data.size(), "expected offsets from ", last, " to ",
              s.data.size(), ", got ", word(i));
    last = word(i);
  }
}

void verify_data(const Subject& s, std::uint64_t numel) {
  if (s.tensor.external_buffer() != 0) {
    s.require(s.data.empty(), "expected its values here or in an external buffer, got both");
    bool known = false;
    for (std::size_t i = 0; i < size_of(s.v.model->external_buffers()); ++i) {
      known |= s.v.model->external_buffers()->Get(static_cast<unsigned>(i))->id() ==
               s.tensor.external_buffer();
    }
    s.require(known, "expected an external buffer of this file, got id ",
              s.tensor.external_buffer());
  }
  const DType dtype = s.dtype();
  const bool handle = dtype == DType::resource || dtype == DType::variant;
  s.require(!s.tensor.is_variable() || s.data.empty(), "expected a variable without values, got ",
            s.data.size(), " bytes");
  s.require(!s.tensor.is_variable() || (!handle && dtype != DType::string),
            "expected a variable of numbers, got ", dtype);
  if (s.data.empty()) {
    s.require(!s.tensor.sparsity(), "expected a sparse tensor with values, got none");
    return;
  }
  s.require(!handle, "expected no values in a tensor of type ", dtype, ", got ", s.data.size(),
            " bytes");
  if (s.tensor.sparsity()) return verify_sparsity(s.tensor, s.data, s.v.limits, s.where());
  if (dtype == DType::string) return verify_strings(s, numel);
  const std::uint64_t needed = packed_bytes(dtype, numel);
  s.require(s.data.size() >= needed, "expected ", needed, " bytes for ", numel, " elements of ",
            dtype, ", got ", s.data.size());
  if (s.data.size() > needed) {
    s.v.warnings.push_back(s.where() + ": " + std::to_string(s.data.size()) + " bytes where " +
                           std::to_string(needed) + " are used");
  }
}

void verify_scales(const Subject& s, const tflite::QuantizationParameters& q) {
  const auto scales = items(q.scale());
  const std::size_t zero_points = size_of(q.zero_point()), rank = s.shape().size();
  if (scales.empty()) {
    for (std::size_t i = 0; i < zero_points; ++i) {
      s.require(item(*q.zero_point(), i) == 0, "expected a scale with zero point ",
                item(*q.zero_point(), i), ", got none");
    }
    return;
  }
  s.require(zero_points == scales.size(), "expected as many zero points as scales (", scales.size(),
            "), got ", zero_points);
  const std::int32_t axis = q.quantized_dimension();
  s.require(axis == 0 || (axis > 0 && static_cast<std::size_t>(axis) < rank),
            "expected a quantized dimension below ", rank, ", got ", axis);
  const std::int64_t channels = rank > 0 ? s.shape()[static_cast<std::size_t>(axis)] : 1;
  s.require(scales.size() == 1 || static_cast<std::int64_t>(scales.size()) == channels,
            "expected 1 scale or ", channels, " along quantized dimension ", axis, ", got ",
            scales.size());
  for (const float scale : scales) {
    s.require(std::isnormal(scale) && scale > 0, "expected positive, normal scales, got ", scale);
  }
  auto [low, high] = integer_range(s.dtype());
  low = std::max<std::int64_t>(low, INT32_MIN);
  high = std::min<std::int64_t>(high, INT32_MAX);
  for (std::size_t i = 0; i < zero_points; ++i) {
    const std::int64_t zero_point = item(*q.zero_point(), i);
    s.require(zero_point >= low && zero_point <= high, "expected zero points from ", low, " to ",
              high, ", got ", zero_point);
  }
}

void verify_block_tensor(const Subject& s, std::int32_t index, std::string_view what,
                         bool optional) {
  s.require(
      (index == -1 && optional) || (index >= 0 && static_cast<std::size_t>(index) < s.tensors),
      "expected ", what, " in a tensor below ", s.tensors, ", got ", index);
}

void verify_quantization(const Subject& s) {
  const auto* q = s.tensor.quantization();
  if (!q) return;
  const int tag = q->details_type();
  s.require(tag >= 0 && tag <= tflite::QuantizationDetails_MAX,
            "expected quantization details up to ", int{tflite::QuantizationDetails_MAX}, ", got ",
            tag);
  s.require((tag != 0) == (q->details() != nullptr),
            "expected quantization details with their tag, got tag ", tag);
  if (const auto* block = q->details_as_BlockwiseQuantization()) {
    verify_block_tensor(s, block->scales(), "scales", false);
    verify_block_tensor(s, block->zero_points(), "zero points", true);
    const auto size = block->block_size();
    s.require(size > 0 && !s.shape().empty() && s.shape().back() % size == 0,
              "expected a block size that divides the last dimension, got ", size);
  } else if (const auto* axes = q->details_as_MultiAxisQuantization()) {
    verify_block_tensor(s, axes->scales(), "scales", false);
    verify_block_tensor(s, axes->zero_points(), "zero points", true);
    s.require(axes->block_size() >= 0, "expected a block size of at least 0, got ",
              axes->block_size());
    for (const std::int32_t axis : items(axes->quantized_dimensions())) {
      s.require(axis >= 0 && static_cast<std::size_t>(axis) < s.shape().size(),
                "expected quantized dimensions below ", s.shape().size(), ", got ", axis);
    }
  } else if (tag == 0 && is_integer(s.dtype())) {
    verify_scales(s, *q);  // on a float tensor they are notes of a converter
  }
}

std::span<const std::byte> verify_buffer(const Verification& v, const tflite::Tensor& tensor,
                                         std::size_t subgraph, std::size_t index) {
  const std::size_t buffers = size_of(v.model->buffers());
  if (tensor.buffer() >= buffers) {
    fail(ErrorKind::file, tensor_place(*v.model, subgraph, index), "expected a buffer below ",
         buffers, ", got ", tensor.buffer());
  }
  return *buffer_bytes(v.bytes, v.model->buffers()->Get(tensor.buffer()));
}

}  // namespace

void verify_tensors(const Verification& v, std::size_t subgraph) {
  const auto& tensors = *v.model->subgraphs()->Get(static_cast<unsigned>(subgraph))->tensors();
  std::uint64_t activation_bytes = 0;
  for (unsigned i = 0; i < tensors.size(); ++i) {
    const tflite::Tensor& tensor = *tensors.Get(i);
    if (tensor.name() && tensor.name()->size() > v.limits.name_bytes) {
      fail(ErrorKind::file, "tensor #" + std::to_string(i), "expected a name of at most ",
           v.limits.name_bytes, " bytes, got ", tensor.name()->size());
    }
    const Subject s{v, subgraph, i, tensor, tensors.size(), verify_buffer(v, tensor, subgraph, i)};
    s.require(tensor.type() >= 0 && tensor.type() <= tflite::TensorType_MAX,
              "expected an element type up to ", int{tflite::TensorType_MAX}, ", got ",
              int{tensor.type()});
    const std::uint64_t numel = verify_shape(s);
    verify_data(s, numel);
    verify_quantization(s);
    const bool allocated =
        s.data.empty() || tensor.sparsity();  // a few bytes can be sparse terabytes
    if (allocated) activation_bytes += numel * byte_size(s.dtype());
    s.require(activation_bytes <= v.limits.activation_bytes, "expected at most ",
              v.limits.activation_bytes, " bytes of activations, got ", activation_bytes,
              " up to here");
  }
}

}  // namespace hone::file
