#include "tests/ops/draw.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/ops/one_op.h"

namespace hone::tests {
namespace {

struct Range {
  double low, high;
};

/// In raw units: reals for floats, integers otherwise.
Range raw_range(const Arg& arg) {
  const TensorType& type = arg.type;
  const bool given = arg.low <= arg.high;
  if (type.dtype == DType::boolean) return {0, 1};
  if (!is_integer(type.dtype)) return given ? Range{arg.low, arg.high} : Range{-3, 3};
  if (!type.quantized()) {
    if (given) return {std::ceil(arg.low), std::floor(arg.high)};
    return type.dtype == DType::uint8 ? Range{0, 20} : Range{-10, 10};
  }
  auto [low, high] = integer_range(type.dtype);
  const bool narrow = arg.constant_too || arg.constant_only;
  Range limits{static_cast<double>(low) + (narrow ? 1 : 0), static_cast<double>(high)};
  const bool wide = type.dtype == DType::int32 || type.dtype == DType::int64;
  if (!given && !wide) return limits;
  const double scale = static_cast<double>(type.scale_at(0));
  const double zero = type.per_axis() ? 0 : type.zero_point;
  const Range real = given ? Range{arg.low, arg.high} : Range{-1, 1};
  return {std::max(limits.low, std::ceil(real.low / scale + zero)),
          std::min(limits.high, std::floor(real.high / scale + zero))};
}

/// Whether a real value is too near to a kink for a difference quotient to be trusted.
bool near_kink(double value, const std::vector<double>& kinks, double margin) {
  return std::any_of(kinks.begin(), kinks.end(),
                     [&](double kink) { return std::abs(value - kink) < margin; });
}

template <class T>
void fill(Tensor& t, const Arg& arg, const std::vector<double>& kinks, Random& random) {
  const Range range = raw_range(arg);
  const bool integer = is_integer(arg.type.dtype) || arg.type.dtype == DType::boolean;
  const double scale = arg.type.quantized() ? static_cast<double>(arg.type.scale_at(0)) : 1;
  const double zero = arg.type.quantized() && !arg.type.per_axis() ? arg.type.zero_point : 0;
  const double margin = integer ? 0.1 * scale : 0.005 * (range.high - range.low);
  const auto differentiable = arg.type.quantized() || !integer;
  const auto raw = t.mutable_data<T>();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    double v = 0;
    for (int attempt = 0; attempt < 1000; ++attempt) {
      v = random.uniform(range.low, range.high + (integer ? 1 : 0));
      if (integer) v = std::min(std::floor(v), range.high);
      if (!differentiable || !near_kink((v - zero) * scale, kinks, margin)) break;
    }
    raw[i] = static_cast<T>(v);
  }
  if (!arg.all_different || !integer) return;
  // consecutive integers from a random start, in a random order
  const double spare = range.high - range.low + 1 - static_cast<double>(raw.size());
  if (spare < 0) return;
  const double first = range.low + std::floor(random.uniform(0, spare));
  for (std::size_t i = 0; i < raw.size(); ++i)
    raw[i] = static_cast<T>(first + static_cast<double>(i));
  for (std::size_t i = raw.size(); i > 1; --i) std::swap(raw[i - 1], raw[random.below(i)]);
}

}  // namespace

Random::Random(std::string_view seed) {
  std::uint64_t hash = 1469598103934665603u;  // FNV-1a
  for (const char c : seed) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  bits_.seed(hash);
}

double Random::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(bits_() >> 11) * 0x1p-53;
}

double Random::normal() {  // Box and Muller (1958)
  const double radius = std::sqrt(-2 * std::log(1 - uniform(0, 1)));
  return radius * std::cos(2 * std::numbers::pi * uniform(0, 1));
}

std::size_t Random::below(std::size_t n) { return static_cast<std::size_t>(bits_() % n); }

Tensor draw(const Arg& arg, const std::vector<double>& kinks, Random& random) {
  if (!arg.present()) return {};
  if (!arg.fixed.empty()) return tensor_of(arg.type, arg.fixed);
  Tensor t(arg.type);
  switch (arg.type.dtype) {
    case DType::float32:
      fill<float>(t, arg, kinks, random);
      break;
    case DType::float64:
      fill<double>(t, arg, kinks, random);
      break;
    case DType::float16: {
      Tensor wide{TensorType(DType::float32, arg.type.shape)};
      fill<float>(wide, arg, kinks, random);
      const auto from = wide.data<float>();
      std::transform(from.begin(), from.end(), t.mutable_data<Half>().begin(), Half::round);
      break;
    }
    case DType::int4:
    case DType::int8:
      fill<std::int8_t>(t, arg, kinks, random);
      break;
    case DType::uint8:
    case DType::boolean:
      fill<std::uint8_t>(t, arg, kinks, random);
      break;
    case DType::int16:
      fill<std::int16_t>(t, arg, kinks, random);
      break;
    case DType::int32:
      fill<std::int32_t>(t, arg, kinks, random);
      break;
    case DType::int64:
      fill<std::int64_t>(t, arg, kinks, random);
      break;
    default:
      fail(ErrorKind::unsupported, "tests", "no random values of type ", arg.type.dtype);
  }
  return t;
}

}  // namespace hone::tests
