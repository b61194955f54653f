#include <bit>
#include <cmath>
#include <limits>

#include <hone/tensor.h>

namespace hone {
namespace {

struct TypeFacts {
  std::string_view name;
  std::size_t bytes;
  std::int64_t low = 0, high = 0;  // both 0: not an integer
};

template <class T>
constexpr TypeFacts integer(std::string_view name) {
  using Limits = std::numeric_limits<T>;
  // uint64 counts as an integer up to the largest int64
  constexpr auto high = Limits::digits > 63 ? std::numeric_limits<std::int64_t>::max()
                                            : static_cast<std::int64_t>(Limits::max());
  return {name, sizeof(T), static_cast<std::int64_t>(Limits::min()), high};
}

constexpr TypeFacts facts[] = {
    {"float32", 4},
    {"float16", 2},
    integer<std::int32_t>("int32"),
    integer<std::uint8_t>("uint8"),
    integer<std::int64_t>("int64"),
    {"string", 0},
    {"bool", 1},
    integer<std::int16_t>("int16"),
    {"complex64", 8},
    integer<std::int8_t>("int8"),
    {"float64", 8},
    {"complex128", 16},
    integer<std::uint64_t>("uint64"),
    {"resource", 0},
    {"variant", 0},
    integer<std::uint32_t>("uint32"),
    integer<std::uint16_t>("uint16"),
    {"int4", 1, -8, 7},
    {"bfloat16", 2},
    {"int2", 1, -2, 1},
    {"uint4", 1, 0, 15},
    {"float8_e4m3fn", 1},
    {"float8_e5m2", 1},
};
constexpr TypeFacts no_type{"none", 0};

const TypeFacts& of(DType dtype) noexcept {
  const auto i = static_cast<std::size_t>(dtype);
  return i < std::size(facts) ? facts[i] : no_type;
}

template <class T>
bool same_values(const std::shared_ptr<const std::vector<T>>& a,
                 const std::shared_ptr<const std::vector<T>>& b) noexcept {
  return a == b || (a && b && *a == *b);
}

}  // namespace

std::string_view name(DType dtype) noexcept { return of(dtype).name; }
std::size_t byte_size(DType dtype) noexcept { return of(dtype).bytes; }
bool is_integer(DType dtype) noexcept { return of(dtype).high != 0; }
std::pair<std::int64_t, std::int64_t> integer_range(DType dtype) noexcept {
  return {of(dtype).low, of(dtype).high};
}
std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }

Half::operator float() const noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31u, fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

Half Half::round(float value) noexcept {
  const auto word = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(word >> 16 & 0x8000u);
  const std::uint32_t magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u)
    return {static_cast<std::uint16_t>(sign | 0x7c00u)};  // rounds above 65504
  if (magnitude < 0x38800000u) {
    // Below 2^-14: a multiple of 2^-24.  Adding 0.5 lets the float unit round it, to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {
        static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u) - (112u << 23);
  return {static_cast<std::uint16_t>(sign | rounded >> 13)};
}

Shape::Shape(std::span<const std::int64_t> dims) {
  for (const std::int64_t d : dims) append(d);
}

void Shape::append(std::int64_t dim) {
  if (rank_ == max_rank) fail(ErrorKind::argument, "shape", "expected at most 8 dimensions");
  if (dim < 0) fail(ErrorKind::argument, "shape", "expected dimensions of 0 or more, got ", dim);
  dims_[rank_++] = dim;
}

std::size_t Shape::numel() const noexcept {
  std::size_t n = 1;
  for (const std::int64_t d : *this) n *= static_cast<std::size_t>(d);
  return n;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (std::size_t i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ']';
}

bool operator==(const QuantParams& a, const QuantParams& b) noexcept {
  return a.scale == b.scale && a.zero_point == b.zero_point && a.axis == b.axis &&
         same_values(a.axis_scales, b.axis_scales) &&
         same_values(a.axis_zero_points, b.axis_zero_points);
}

std::ostream& operator<<(std::ostream& out, const TensorType& type) {
  out << type.dtype << ' ' << type.shape;
  if (type.per_axis()) {
    out << " with " << type.axis_scales->size() << " scales along axis " << type.axis;
  } else if (type.scale != 0) {
    out << " scale " << type.scale << " zero point " << type.zero_point;
  }
  return out;
}

}  // namespace hone
