#pragma once
/// Pictures out of PNG, PGM and PPM files.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

struct Picture {
  std::size_t height = 0, width = 0, channels = 0;  ///< 1 gray, 2 with alpha, 3 RGB, 4 with alpha
  std::vector<std::uint8_t> pixels;                 ///< (height, width, channels)
};

/// A PNG of at most 8 bits a sample, not interlaced.  After the PNG specification (ISO/IEC 15948):
/// palettes become RGB (RGBA where there is a tRNS chunk), 1, 2 and 4 bits are scaled to 255.
/// Throws Error (file, unsupported) and allocates no more than the file can account for.
Picture read_png(std::string_view bytes, const std::string& where);

/// A binary PGM (P5) or PPM (P6) with samples up to 255.
Picture read_pnm(std::string_view bytes, const std::string& where);

/// The picture with 1 or 3 channels: alpha is dropped, gray repeated, RGB becomes luma (ITU-R
/// BT.601: 0.299, 0.587, 0.114).
Picture with_channels(const Picture& picture, std::size_t channels);

}  // namespace hone
