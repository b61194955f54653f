#pragma once
/// Sounds out of WAV files.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

struct Sound {
  std::uint32_t rate_hz = 0;
  std::vector<std::int16_t> samples;
};

/// A RIFF WAVE file of 16-bit PCM, one channel.  Throws Error (file, unsupported).
Sound read_wav(std::string_view bytes, const std::string& where);

}  // namespace hone
