#pragma once
/// Values: element types, shapes, quantization parameters and the dense row-major array that holds
/// them.

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <ostream>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/error.h>

namespace hone {

/// Element types; the numbers are those of the file format.  int4, uint4 and int2 take one byte an
/// element in memory.
enum class DType : std::uint8_t {
  float32 = 0,
  float16 = 1,
  int32 = 2,
  uint8 = 3,
  int64 = 4,
  string = 5,
  boolean = 6,
  int16 = 7,
  complex64 = 8,
  int8 = 9,
  float64 = 10,
  complex128 = 11,
  uint64 = 12,
  resource = 13,
  variant = 14,
  uint32 = 15,
  uint16 = 16,
  int4 = 17,
  bfloat16 = 18,
  int2 = 19,
  uint4 = 20,
  float8_e4m3fn = 21,
  float8_e5m2 = 22,
  none = 255,  ///< no tensor: an optional input that was left out
};

/// IEEE 754 binary16, storage only.
struct Half {
  std::uint16_t bits;
  explicit operator float() const noexcept;
  static Half round(float value) noexcept;  ///< to nearest, ties to even
  friend bool operator==(Half, Half) = default;
};

std::string_view name(DType dtype) noexcept;  ///< "float32"
std::size_t byte_size(
    DType dtype) noexcept;  ///< of one element in memory; 0 where there is no fixed size
bool is_integer(DType dtype) noexcept;  ///< int2 to int64, signed or not; not boolean
std::pair<std::int64_t, std::int64_t> integer_range(
    DType dtype) noexcept;  ///< lowest and highest value
std::ostream& operator<<(std::ostream& out, DType dtype);

/// The DType of a C++ element type.
template <class T>
constexpr DType dtype_of = [] {
  if constexpr (std::same_as<T, float>)
    return DType::float32;
  else if constexpr (std::same_as<T, Half>)
    return DType::float16;
  else if constexpr (std::same_as<T, double>)
    return DType::float64;
  else if constexpr (std::same_as<T, std::int8_t>)
    return DType::int8;
  else if constexpr (std::same_as<T, std::uint8_t>)
    return DType::uint8;
  else if constexpr (std::same_as<T, std::int16_t>)
    return DType::int16;
  else if constexpr (std::same_as<T, std::uint16_t>)
    return DType::uint16;
  else if constexpr (std::same_as<T, std::int32_t>)
    return DType::int32;
  else if constexpr (std::same_as<T, std::uint32_t>)
    return DType::uint32;
  else if constexpr (std::same_as<T, std::int64_t>)
    return DType::int64;
  else if constexpr (std::same_as<T, std::uint64_t>)
    return DType::uint64;
  else if constexpr (std::same_as<T, bool>)
    return DType::boolean;
  else
    return DType::none;
}();

/// Dimensions, outermost first; rank 0 is a scalar.  At most 8 of them.
class Shape {
 public:
  static constexpr std::size_t max_rank = 8;

  constexpr Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(
      std::span<const std::int64_t> dims);  ///< throws Error: rank above 8, a negative dimension

  std::size_t rank() const noexcept { return rank_; }
  std::int64_t operator[](std::size_t i) const noexcept { return dims_[i]; }
  std::int64_t& operator[](std::size_t i) noexcept { return dims_[i]; }
  std::int64_t back() const noexcept { return dims_[rank_ - 1]; }
  const std::int64_t* begin() const noexcept { return dims_.data(); }
  const std::int64_t* end() const noexcept { return dims_.data() + rank_; }
  operator std::span<const std::int64_t>() const noexcept { return {begin(), rank_}; }

  std::size_t numel() const noexcept;  ///< product of the dimensions; 1 for a scalar
  void append(std::int64_t dim);       ///< throws Error: rank above 8, a negative dimension

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<std::int64_t, max_rank> dims_{};
  std::size_t rank_ = 0;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);  ///< "[1, 28, 28, 1]"

/// real = scale * (q - zero_point).  Per axis there is one scale for each index of dimension
/// `axis`, and zero point 0 unless `axis_zero_points` is set; scale 0 and no axis scales: not
/// quantized. (LiteRT 8-bit quantization specification.)
struct QuantParams {
  float scale = 0;
  std::int32_t zero_point = 0;
  int axis = -1;
  std::shared_ptr<const std::vector<float>> axis_scales;
  std::shared_ptr<const std::vector<std::int32_t>> axis_zero_points;

  bool quantized() const noexcept { return scale != 0 || axis_scales != nullptr; }
  bool per_axis() const noexcept { return axis_scales != nullptr; }
  /// Scale for index `i` of `axis`; the one scale where there is only one.
  float scale_at(std::size_t i) const noexcept { return axis_scales ? (*axis_scales)[i] : scale; }
  friend bool operator==(const QuantParams& a, const QuantParams& b) noexcept;
};

/// Everything about a tensor but its values.
struct TensorType : QuantParams {
  DType dtype = DType::none;
  Shape shape;

  TensorType() = default;
  TensorType(DType d, Shape s, QuantParams q = {})
      : QuantParams(std::move(q)), dtype(d), shape(s) {}

  bool present() const noexcept { return dtype != DType::none; }
  /// An integer tensor with a scale.
  bool quantized() const noexcept { return QuantParams::quantized() && is_integer(dtype); }
  std::size_t numel() const noexcept { return shape.numel(); }
  std::size_t bytes() const noexcept { return numel() * byte_size(dtype); }
  friend bool operator==(const TensorType& a, const TensorType& b) noexcept = default;
};

std::ostream& operator<<(std::ostream& out,
                         const TensorType& type);  ///< "int8 [1, 10] scale 0.1 zero point -3"

/// Where tensors live unless told otherwise: the heap, counted.  Freed blocks are kept and given
/// again, so that a training step asks the system for nothing that the step before it did not.
/// Thread-safe.
std::pmr::memory_resource* default_memory() noexcept;

struct MemoryUse {
  std::size_t current_bytes = 0;
  std::size_t peak_bytes = 0;
};
MemoryUse memory_use() noexcept;      ///< of default_memory()
void reset_peak() noexcept;           ///< peak_bytes = current_bytes
void release_free_memory() noexcept;  ///< gives kept blocks back to the system

/// Memory in the caller's bytes and nowhere else: `ModelOptions::memory` of a device without a heap
/// to spare.  Allocation throws Error (memory) where it is exhausted.  plan() tells how many bytes
/// a training needs.  The bytes must outlive the arena, and the arena everything in it.
/// Thread-safe.
class Arena final : public std::pmr::memory_resource {
 public:
  explicit Arena(std::span<std::byte> bytes);
  ~Arena() override;
  std::size_t bytes() const noexcept;
  std::size_t peak_bytes() const noexcept;  ///< how far into the bytes it has been

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  struct State;
  std::unique_ptr<State> state_;
};

/// A type and its values, shared by reference count.  Every write gives the values a `version` that
/// none had before, so that a graph notices a value that moved under it.
class Storage {
 public:
  static Storage* allocate(TensorType type, std::pmr::memory_resource* memory);
  static Storage* borrow(TensorType type, std::byte* data, std::shared_ptr<const void> owner);
  /// The values of another one, under a type of as many bytes.
  static Storage* view(TensorType type, Storage& of);

  const TensorType& type() const noexcept { return type_; }
  void set_type(TensorType type) noexcept { type_ = std::move(type), bump(); }
  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::uint64_t version() const noexcept { return values().version_; }
  void bump() noexcept { base_ != nullptr ? base_->bump() : void(version_ = next_version()); }
  void acquire() noexcept;
  void release() noexcept;
  bool unique() const noexcept;  ///< nobody else holds the values
  std::pmr::memory_resource* memory() const noexcept { return memory_; }
  const Storage& values() const noexcept { return base_ != nullptr ? *base_ : *this; }

 private:
  Storage(TensorType type, std::byte* data, std::pmr::memory_resource* memory) noexcept;
  ~Storage() = default;
  static std::uint64_t next_version() noexcept;
  std::size_t references_ = 1;  // through atomic_ref
  std::byte* data_;
  std::size_t bytes_;
  std::uint64_t version_ = 0;
  TensorType type_;
  std::pmr::memory_resource* memory_;  // where this lies; null: by new
  Storage* base_ = nullptr;            // of a view: whose the values are, no view itself
  std::shared_ptr<const void> owner_;  // of borrowed values
};

/// A dense row-major array, or a view of one: a handle.  Copying it shares the values, `clone`
/// copies them.
class Tensor {
 public:
  Tensor() noexcept = default;  ///< no tensor; type().present() is false
  /// Uninitialised values of that type.  Throws Error (memory) where the resource is exhausted.
  explicit Tensor(TensorType type, std::pmr::memory_resource* memory = default_memory());
  /// Values of somebody else's; `owner` is kept alive.  The caller promises not to write to a const
  /// source.
  static Tensor borrow(TensorType type, std::byte* data,
                       std::shared_ptr<const void> owner = nullptr);
  static Tensor zeros(TensorType type, std::pmr::memory_resource* memory = default_memory());
  /// `Tensor::of({2}, {3.f, -1.f})`; throws Error unless there are numel() values.
  template <class T>
  static Tensor of(Shape shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values, QuantParams quant = {});

  Tensor(const Tensor& other) noexcept : storage_(other.storage_) {
    if (storage_) storage_->acquire();
  }
  Tensor(Tensor&& other) noexcept : storage_(std::exchange(other.storage_, nullptr)) {}
  Tensor& operator=(const Tensor& other) noexcept { return *this = Tensor(other); }
  Tensor& operator=(Tensor&& other) noexcept {
    if (this == &other) return *this;
    if (storage_) storage_->release();
    storage_ = std::exchange(other.storage_, nullptr);
    return *this;
  }
  ~Tensor() {
    if (storage_) storage_->release();
  }

  explicit operator bool() const noexcept { return storage_ != nullptr; }
  const TensorType& type() const noexcept { return storage_ ? storage_->type() : absent(); }
  DType dtype() const noexcept { return type().dtype; }
  const Shape& shape() const noexcept { return type().shape; }
  std::size_t numel() const noexcept { return type().numel(); }
  std::size_t bytes() const noexcept { return storage_ ? storage_->bytes() : 0; }

  const std::byte* raw() const noexcept { return storage_ ? storage_->data() : nullptr; }
  std::byte* mutable_raw() noexcept { return const_cast<std::byte*>(raw()); }
  /// The values; T must be the element type (int4 and int2 read as int8_t, uint4 and bool as
  /// uint8_t).
  template <class T>
  std::span<const T> data() const noexcept {
    return {reinterpret_cast<const T*>(raw()), numel()};
  }
  template <class T>
  std::span<T> mutable_data() noexcept {
    return {reinterpret_cast<T*>(mutable_raw()), numel()};
  }

  std::uint64_t version() const noexcept { return storage_ ? storage_->version() : 0; }
  void bump_version() noexcept {
    if (storage_) storage_->bump();
  }
  bool unique() const noexcept { return storage_ && storage_->unique(); }
  /// Where the values lie; null where they are borrowed, or there are none.
  std::pmr::memory_resource* memory() const noexcept {
    return storage_ ? storage_->values().memory() : nullptr;
  }
  bool shares_storage(const Tensor& other) const noexcept {
    return storage_ && other.storage_ && &storage_->values() == &other.storage_->values();
  }

  /// The same values under another shape of as many elements; shares the storage.
  Tensor reshaped(const Shape& shape) const;
  /// The same values under other quantization parameters or an int4/int8 twin type; shares the
  /// storage.
  Tensor retyped(TensorType as) const;
  /// The same for this tensor and all copies of it, which see a new version.
  void set_type(TensorType type);
  Tensor clone(std::pmr::memory_resource* memory = default_memory()) const;
  /// float32 values in real units: itself when float32, else widened or dequantized.
  Tensor to_float(std::pmr::memory_resource* memory = default_memory()) const;
  /// The values of an integer or boolean tensor.  Throws Error on another type.
  std::vector<std::int64_t> to_ints() const;

 private:
  explicit Tensor(Storage* storage) noexcept : storage_(storage) {}
  static const TensorType& absent() noexcept;
  Storage* storage_ = nullptr;
};

/// Float values in real units into `out` (numel() of them): widened or dequantized.  noexcept,
/// allocates nothing.
void dequantize(const TensorType& type, const std::byte* values, std::span<float> out) noexcept;

}  // namespace hone
