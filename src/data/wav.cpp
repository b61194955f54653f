#include "src/data/wav.h"

#include <algorithm>
#include <cstddef>

#include <hone/error.h>

namespace hone {
namespace {

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t n) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < n; ++i) {
    value |= std::uint32_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  }
  return value;
}

std::uint32_t rate_of(std::string_view format, const std::string& where) {
  constexpr std::uint32_t pcm = 1, extensible = 0xfffe;
  if (format.size() < 16) fail(ErrorKind::file, where, "expected a fmt chunk of 16 bytes or more");
  std::uint32_t code = little_endian(format, 0, 2);
  if (code == extensible && format.size() >= 26) code = little_endian(format, 24, 2);
  const std::uint32_t channels = little_endian(format, 2, 2), bits = little_endian(format, 14, 2),
                      rate = little_endian(format, 4, 4);
  if (code != pcm || channels != 1 || bits != 16 || rate == 0) {
    fail(ErrorKind::unsupported, where, "expected PCM of 16 bits, one channel, got format ", code,
         " of ", bits, " bits, ", channels, " channels, ", rate, " Hz");
  }
  return rate;
}

}  // namespace

Sound read_wav(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 12 || !bytes.starts_with("RIFF") || bytes.substr(8, 4) != "WAVE") {
    fail(ErrorKind::file, where, "expected a RIFF WAVE file");
  }
  Sound sound;
  bytes.remove_prefix(12);
  while (bytes.size() >= 8) {
    const std::string_view id = bytes.substr(0, 4);
    const std::size_t length = little_endian(bytes, 4, 4);
    bytes.remove_prefix(8);
    if (length > bytes.size()) {
      fail(ErrorKind::file, where, "expected ", length, " bytes in chunk ", escaped(id), ", got ",
           bytes.size());
    }
    const std::string_view body = bytes.substr(0, length);
    if (id == "fmt ") sound.rate_hz = rate_of(body, where);
    if (id == "data") {
      if (sound.rate_hz == 0) fail(ErrorKind::file, where, "expected a fmt chunk before the data");
      if (length % 2 != 0) fail(ErrorKind::file, where, "expected 16-bit samples, got half a one");
      for (std::size_t i = 0; i < length; i += 2) {
        sound.samples.push_back(static_cast<std::int16_t>(little_endian(body, i, 2)));
      }
      return sound;
    }
    bytes.remove_prefix(std::min(length + length % 2, bytes.size()));  // chunks begin at even bytes
  }
  fail(ErrorKind::file, where, "expected a data chunk, the file ends");
}

}  // namespace hone
