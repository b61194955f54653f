#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include <hone/tensor.h>

namespace hone {

std::uint64_t Storage::next_version() noexcept {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

namespace {

constexpr std::size_t alignment = 64;
// the header sits in front of the values, in cache lines of its own
constexpr std::size_t header = (sizeof(Storage) + alignment - 1) / alignment * alignment;

void* room(std::size_t bytes, std::pmr::memory_resource* memory) {
  try {
    return memory->allocate(header + bytes, alignment);
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::memory, "tensor", "expected room for ", bytes,
         " bytes, the memory is exhausted");
  }
}

}  // namespace

Storage::Storage(TensorType type, std::byte* data, std::pmr::memory_resource* memory) noexcept
    : data_(data), bytes_(type.bytes()), type_(std::move(type)), memory_(memory) {}

Storage* Storage::allocate(TensorType type, std::pmr::memory_resource* memory) {
  void* block = room(type.bytes(), memory);
  auto* storage =
      new (block) Storage(std::move(type), static_cast<std::byte*>(block) + header, memory);
  storage->version_ = next_version();
  return storage;
}

Storage* Storage::borrow(TensorType type, std::byte* data, std::shared_ptr<const void> owner) {
  auto* storage = new Storage(std::move(type), data, nullptr);
  storage->owner_ = std::move(owner);
  storage->version_ = next_version();
  return storage;
}

Storage* Storage::view(TensorType type, Storage& of) {
  Storage& base = of.base_ != nullptr ? *of.base_ : of;
  std::pmr::memory_resource* memory = of.memory_ != nullptr ? of.memory_ : default_memory();
  auto* storage = new (room(0, memory)) Storage(std::move(type), of.data_, memory);
  base.acquire();
  storage->base_ = &base;
  return storage;
}

void Storage::acquire() noexcept {
  std::atomic_ref(references_).fetch_add(1, std::memory_order_relaxed);
}

void Storage::release() noexcept {
  if (std::atomic_ref(references_).fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (base_ != nullptr) base_->release();
  if (memory_ == nullptr) {
    delete this;
    return;
  }
  std::pmr::memory_resource* memory = memory_;
  const std::size_t bytes = header + (base_ != nullptr ? 0 : bytes_);
  this->~Storage();
  memory->deallocate(this, bytes, alignment);
}

bool Storage::unique() const noexcept {
  const std::atomic_ref references(const_cast<std::size_t&>(references_));
  return references.load(std::memory_order_acquire) == 1 && (base_ == nullptr || base_->unique());
}

namespace {

/// Whoever walks along the axis relies on it.
void check_axis(const TensorType& t) {
  if (!t.per_axis()) return;
  const bool inside = t.axis >= 0 && static_cast<std::size_t>(t.axis) < t.shape.rank();
  if (!inside) {
    fail(ErrorKind::argument, "tensor", "expected a quantized axis below ", t.shape.rank(),
         ", got ", t.axis);
  }
  const auto size = static_cast<std::size_t>(t.shape[static_cast<std::size_t>(t.axis)]);
  const std::size_t zeros = t.axis_zero_points ? t.axis_zero_points->size() : size;
  if (t.axis_scales->size() != size || zeros != size) {
    fail(ErrorKind::argument, "tensor", "expected ", size, " scales and zero points along axis ",
         t.axis, " of shape ", t.shape, ", got ", t.axis_scales->size(), " and ", zeros);
  }
}

/// Whether the values of `t` may be of that type.
void check_type(const Tensor& t, const TensorType& as) {
  if (as.bytes() != t.bytes())
    fail(ErrorKind::argument, "tensor", "expected a type of ", t.bytes(), " bytes, got ", as);
  check_axis(as);
}

}  // namespace

const TensorType& Tensor::absent() noexcept {
  alignas(TensorType) static std::byte room[sizeof(TensorType)];
  static const TensorType& type = *new (room) TensorType;  // never destroyed
  return type;
}

Tensor::Tensor(TensorType type, std::pmr::memory_resource* memory) {
  check_axis(type);
  std::size_t bytes = byte_size(type.dtype);
  if (bytes == 0)
    fail(ErrorKind::unsupported, "tensor", "no storage for elements of type ", type.dtype);
  bool empty = false;
  for (const std::int64_t d : type.shape) empty |= d == 0;
  for (const std::int64_t d : type.shape) {
    if (empty) break;
    if (static_cast<std::size_t>(d) > std::numeric_limits<std::size_t>::max() / 2 / bytes) {
      fail(ErrorKind::memory, "tensor", "a tensor of shape ", type.shape,
           " does not fit any memory");
    }
    bytes *= static_cast<std::size_t>(d);
  }
  storage_ = Storage::allocate(std::move(type), memory);
}

Tensor Tensor::borrow(TensorType type, std::byte* data, std::shared_ptr<const void> owner) {
  check_axis(type);
  return Tensor(Storage::borrow(std::move(type), data, std::move(owner)));
}

Tensor Tensor::zeros(TensorType type, std::pmr::memory_resource* memory) {
  Tensor t(std::move(type), memory);
  std::memset(t.mutable_raw(), 0, t.bytes());
  return t;
}

template <class T>
Tensor Tensor::of(Shape shape, std::span<const T> values, QuantParams quant) {
  if (values.size() != shape.numel()) {
    fail(ErrorKind::argument, "tensor", "expected ", shape.numel(), " values for shape ", shape,
         ", got ", values.size());
  }
  Tensor t(TensorType(dtype_of<T>, shape, std::move(quant)));
  std::copy(values.begin(), values.end(), t.mutable_data<T>().begin());
  return t;
}
template Tensor Tensor::of(Shape, std::span<const float>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const double>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const Half>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const std::int8_t>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const std::uint8_t>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const std::int16_t>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const std::int32_t>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const std::int64_t>, QuantParams);
template Tensor Tensor::of(Shape, std::span<const bool>, QuantParams);

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.numel() != numel()) {
    fail(ErrorKind::argument, "reshape", "expected ", numel(), " elements, shape ", shape, " has ",
         shape.numel());
  }
  TensorType as = type();
  as.shape = shape;
  return retyped(std::move(as));
}

Tensor Tensor::retyped(TensorType as) const {
  check_type(*this, as);
  return *this ? Tensor(Storage::view(std::move(as), *storage_)) : Tensor();
}

void Tensor::set_type(TensorType type) {
  check_type(*this, type);
  if (*this) storage_->set_type(std::move(type));
}

Tensor Tensor::clone(std::pmr::memory_resource* memory) const {
  if (!*this) return {};
  Tensor t(type(), memory);
  if (bytes() != 0) std::memcpy(t.mutable_raw(), raw(), bytes());
  return t;
}

Tensor Tensor::to_float(std::pmr::memory_resource* memory) const {
  if (dtype() == DType::float32) return *this;
  if (dtype() != DType::float16 && dtype() != DType::float64 && !type().quantized()) {
    fail(ErrorKind::argument, "tensor", "expected float or quantized values, got ", type());
  }
  Tensor t(TensorType(DType::float32, shape()), memory);
  dequantize(type(), raw(), t.mutable_data<float>());
  return t;
}

namespace {

template <class T>
void dequantize_as(const TensorType& type, const std::byte* values, std::span<float> out) noexcept {
  // a difference of 16-bit numbers is exact in float, and one rounding is left either way
  using Real = std::conditional_t<(sizeof(T) <= 2), float, double>;
  const auto* q = reinterpret_cast<const T*>(values);
  using Wide = std::conditional_t<(sizeof(T) < 4), std::int32_t, double>;  // holds any q - zero
  if (!type.per_axis()) {
    const Real scale = type.scale;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] =
          static_cast<float>(scale * static_cast<Real>(static_cast<Wide>(q[i]) - type.zero_point));
    }
    return;
  }
  std::size_t inner = 1;
  const auto axis = static_cast<std::size_t>(type.axis);
  for (std::size_t i = axis + 1; i < type.shape.rank(); ++i) {
    inner *= static_cast<std::size_t>(type.shape[i]);
  }
  const auto channels = static_cast<std::size_t>(type.shape[axis]);
  for (std::size_t i = 0, c = 0; i < out.size(); c = c + 1 == channels ? 0 : c + 1) {
    const Real scale = (*type.axis_scales)[c];
    const std::int32_t zero = type.axis_zero_points ? (*type.axis_zero_points)[c] : 0;
    for (std::size_t k = 0; k < inner; ++k, ++i) {
      out[i] = static_cast<float>(scale * static_cast<Real>(static_cast<Wide>(q[i]) - zero));
    }
  }
}

template <class F>
bool visit_integer(DType dtype, F&& f) {
  switch (dtype) {
    case DType::int2:
    case DType::int4:
    case DType::int8:
      f(std::int8_t{});
      return true;
    case DType::uint4:
    case DType::boolean:
    case DType::uint8:
      f(std::uint8_t{});
      return true;
    case DType::int16:
      f(std::int16_t{});
      return true;
    case DType::uint16:
      f(std::uint16_t{});
      return true;
    case DType::int32:
      f(std::int32_t{});
      return true;
    case DType::uint32:
      f(std::uint32_t{});
      return true;
    case DType::int64:
      f(std::int64_t{});
      return true;
    case DType::uint64:
      f(std::uint64_t{});
      return true;
    default:
      return false;
  }
}

}  // namespace

void dequantize(const TensorType& type, const std::byte* values, std::span<float> out) noexcept {
  switch (type.dtype) {
    case DType::float32:
      std::memcpy(out.data(), values, out.size_bytes());
      return;
    case DType::float16: {
      const auto* h = reinterpret_cast<const Half*>(values);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(h[i]);
      return;
    }
    case DType::float64: {
      const auto* d = reinterpret_cast<const double*>(values);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(d[i]);
      return;
    }
    default:
      break;
  }
  visit_integer(type.dtype, [&](auto t) { dequantize_as<decltype(t)>(type, values, out); });
}

std::vector<std::int64_t> Tensor::to_ints() const {
  std::vector<std::int64_t> out(numel());
  const bool known = visit_integer(dtype(), [&](auto t) {
    const auto values = data<decltype(t)>();
    std::transform(values.begin(), values.end(), out.begin(),
                   [](auto v) { return static_cast<std::int64_t>(v); });
  });
  if (!known) fail(ErrorKind::argument, "tensor", "expected integers, got ", type());
  return out;
}

}  // namespace hone
