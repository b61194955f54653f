#include "src/tflite/packed.h"

namespace hone::file {

unsigned packed_bits(DType dtype) noexcept {
  switch (dtype) {
    case DType::int4:
    case DType::uint4:
      return 4;
    case DType::int2:
      return 2;
    default:
      return static_cast<unsigned>(8 * byte_size(dtype));
  }
}

std::uint64_t packed_bytes(DType dtype, std::uint64_t numel) noexcept {
  const std::uint64_t bits = packed_bits(dtype);
  return bits >= 8 ? numel * (bits / 8) : numel / 8 * bits + (numel % 8 * bits + 7) / 8;
}

void unpack(DType dtype, std::span<const std::byte> packed, std::span<std::byte> values) noexcept {
  const unsigned bits = packed_bits(dtype), per_byte = 8 / bits, mask = (1u << bits) - 1;
  const unsigned sign = dtype == DType::uint4 ? 0 : 1u << (bits - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const unsigned byte = std::to_integer<unsigned>(packed[i / per_byte]);
    const unsigned value = byte >> (i % per_byte * bits) & mask;
    values[i] = static_cast<std::byte>((value ^ sign) - sign);  // extends the sign
  }
}

std::vector<std::byte> pack(DType dtype, std::span<const std::byte> values) {
  const unsigned bits = packed_bits(dtype);
  if (bits >= 8 || bits == 0) return {values.begin(), values.end()};
  const unsigned per_byte = 8 / bits, mask = (1u << bits) - 1;
  std::vector<std::byte> packed(packed_bytes(dtype, values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const unsigned value = std::to_integer<unsigned>(values[i]) & mask;
    packed[i / per_byte] |= static_cast<std::byte>(value << (i % per_byte * bits));
  }
  return packed;
}

}  // namespace hone::file
