#include "src/data/picture.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include <zlib.h>

#include <hone/error.h>

namespace hone {
namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

std::uint32_t big_endian(std::string_view bytes, std::size_t i) {
  return std::uint32_t{byte_at(bytes, i)} << 24 | std::uint32_t{byte_at(bytes, i + 1)} << 16 |
         std::uint32_t{byte_at(bytes, i + 2)} << 8 | byte_at(bytes, i + 3);
}

struct PngHeader {
  std::size_t width, height, depth, samples;  // samples of a pixel
  bool palette;

  std::size_t row_bytes() const { return (width * samples * depth + 7) / 8; }
};

struct PngChunks {
  std::string_view header, palette, transparency;
  std::string data;
};

PngChunks read_chunks(std::string_view bytes, const std::string& where) {
  constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
  if (!bytes.starts_with(signature)) fail(ErrorKind::file, where, "expected a PNG file");
  bytes.remove_prefix(signature.size());
  PngChunks chunks;
  while (true) {
    if (bytes.size() < 12) fail(ErrorKind::file, where, "expected an IEND chunk, the file ends");
    const std::size_t length = big_endian(bytes, 0);
    const std::string_view type = bytes.substr(4, 4);
    if (length > bytes.size() - 12) {
      fail(ErrorKind::file, where, "expected a chunk of ", length, " bytes, got ",
           bytes.size() - 12);
    }
    const std::string_view body = bytes.substr(8, length);
    const auto crc = static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(type.data()), 4 + length));
    if (crc != big_endian(bytes, 8 + length)) {
      fail(ErrorKind::file, where, "wrong checksum of chunk ", escaped(type));
    }
    if (type == "IEND") return chunks;
    if (type == "IHDR") chunks.header = body;
    if (type == "PLTE") chunks.palette = body;
    if (type == "tRNS") chunks.transparency = body;
    if (type == "IDAT") chunks.data += body;
    bytes.remove_prefix(12 + length);
  }
}

PngHeader parse_header(std::string_view body, const std::string& where) {
  if (body.size() != 13) fail(ErrorKind::file, where, "expected an IHDR chunk of 13 bytes");
  constexpr std::array<std::size_t, 7> samples_of_type{1, 0, 3, 1, 2, 0, 4};
  const std::size_t type = byte_at(body, 9);
  const PngHeader h{.width = big_endian(body, 0),
                    .height = big_endian(body, 4),
                    .depth = byte_at(body, 8),
                    .samples = type < samples_of_type.size() ? samples_of_type[type] : 0,
                    .palette = type == 3};
  constexpr std::size_t most = 1 << 20;
  const bool small = h.depth == 1 || h.depth == 2 || h.depth == 4;
  if (h.width == 0 || h.height == 0 || h.width > most || h.height > most) {
    fail(ErrorKind::file, where, "expected sides of 1 to ", most, ", got ", h.width, " x ",
         h.height);
  }
  if (h.samples == 0 || !(h.depth == 8 || (small && h.samples == 1))) {
    fail(ErrorKind::unsupported, where, "expected a PNG of at most 8 bits, got color type ", type,
         " with ", h.depth, " bits");
  }
  if (body.substr(10) != std::string_view("\0\0\0", 3)) {
    fail(ErrorKind::unsupported, where, "expected a PNG that is not interlaced");
  }
  return h;
}

/// The rows, each behind its filter byte.
std::vector<std::uint8_t> inflate_rows(const PngHeader& h, const std::string& data,
                                       const std::string& where) {
  const std::size_t bytes = (h.row_bytes() + 1) * h.height;
  // deflate cannot do better than 1032:1: more is not to be allocated
  if (bytes > data.size() * 1032) {
    fail(ErrorKind::file, where, "expected ", bytes, " bytes of pixels, ", data.size(),
         " compressed ones cannot hold them");
  }
  std::vector<std::uint8_t> rows(bytes);
  auto got = static_cast<uLongf>(bytes);
  const int status = uncompress(rows.data(), &got, reinterpret_cast<const Bytef*>(data.data()),
                                static_cast<uLong>(data.size()));
  if (status != Z_OK || got != bytes) {
    fail(ErrorKind::file, where, "cannot inflate the pixels: zlib ", status, ", ", got, " of ",
         bytes, " bytes");
  }
  return rows;
}

std::uint8_t paeth(int left, int up, int corner) {
  const int estimate = left + up - corner;
  const int a = std::abs(estimate - left), b = std::abs(estimate - up),
            c = std::abs(estimate - corner);
  return static_cast<std::uint8_t>(a <= b && a <= c ? left : b <= c ? up : corner);
}

/// Undoes the filters of all rows in place.
void unfilter(const PngHeader& h, std::vector<std::uint8_t>& rows, const std::string& where) {
  const std::size_t n = h.row_bytes(), pixel = std::max(h.samples * h.depth / 8, std::size_t{1});
  std::vector<std::uint8_t> zeros(n);
  const std::uint8_t* above = zeros.data();
  for (std::size_t y = 0; y < h.height; ++y) {
    std::uint8_t* row = rows.data() + y * (n + 1);
    const int filter = *row++;
    if (filter > 4) fail(ErrorKind::file, where, "expected a filter of 0 to 4, got ", filter);
    for (std::size_t i = 0; i < n; ++i) {
      const int left = i < pixel ? 0 : row[i - pixel];
      const int corner = i < pixel ? 0 : above[i - pixel];
      const std::array<int, 5> add{0, left, above[i], (left + above[i]) / 2,
                                   filter == 4 ? paeth(left, above[i], corner) : 0};
      row[i] = static_cast<std::uint8_t>(row[i] + add[static_cast<std::size_t>(filter)]);
    }
    above = row;
  }
}

/// Sample `i` of a row of `depth` bits each.
std::size_t sample(const std::uint8_t* row, std::size_t i, std::size_t depth) {
  const std::size_t bit = i * depth;
  return (std::size_t{row[bit / 8]} >> (8 - depth - bit % 8)) & ((std::size_t{1} << depth) - 1);
}

/// The next number of a PNM header, after spaces and comments.
std::optional<std::size_t> header_number(std::string_view& bytes) {
  while (!bytes.empty() && std::string_view(" \t\r\n#").find(bytes[0]) != std::string_view::npos) {
    const std::size_t skip = bytes[0] == '#' ? bytes.find('\n') : 1;
    bytes.remove_prefix(std::min(skip, bytes.size()));
  }
  std::size_t value = 0, digits = 0;
  while (digits < bytes.size() && bytes[digits] >= '0' && bytes[digits] <= '9' && digits < 8) {
    value = value * 10 + static_cast<std::size_t>(bytes[digits++] - '0');
  }
  bytes.remove_prefix(digits);
  return digits == 0 ? std::nullopt : std::optional(value);
}

}  // namespace

Picture read_png(std::string_view bytes, const std::string& where) {
  const PngChunks chunks = read_chunks(bytes, where);
  const PngHeader h = parse_header(chunks.header, where);
  std::vector<std::uint8_t> rows = inflate_rows(h, chunks.data, where);
  unfilter(h, rows, where);
  const std::size_t colors = chunks.palette.size() / 3;
  const bool alpha = h.palette && !chunks.transparency.empty();
  Picture p{h.height, h.width, h.palette ? (alpha ? 4u : 3u) : h.samples, {}};
  p.pixels.reserve(h.height * h.width * p.channels);
  for (std::size_t y = 0; y < h.height; ++y) {
    const std::uint8_t* row = rows.data() + y * (h.row_bytes() + 1) + 1;
    for (std::size_t i = 0; i < h.width * h.samples; ++i) {
      const std::size_t value = sample(row, i, h.depth);
      if (!h.palette) {
        p.pixels.push_back(static_cast<std::uint8_t>(value * 255 / ((1u << h.depth) - 1)));
        continue;
      }
      if (value >= colors) {
        fail(ErrorKind::file, where, "expected a color below ", colors, ", got ", value);
      }
      for (std::size_t c = 0; c < 3; ++c) {
        p.pixels.push_back(byte_at(chunks.palette, 3 * value + c));
      }
      if (!alpha) continue;
      const bool opaque = value >= chunks.transparency.size();
      p.pixels.push_back(opaque ? 255 : byte_at(chunks.transparency, value));
    }
  }
  return p;
}

Picture read_pnm(std::string_view bytes, const std::string& where) {
  const bool gray = bytes.starts_with("P5"), color = bytes.starts_with("P6");
  if (!gray && !color) fail(ErrorKind::file, where, "expected a binary PGM or PPM file");
  bytes.remove_prefix(2);
  const auto width = header_number(bytes), height = header_number(bytes),
             most = header_number(bytes);
  if (!width || !height || !most || *most == 0 || *most > 255 || bytes.empty()) {
    fail(ErrorKind::file, where, "expected width, height and a largest value up to 255");
  }
  bytes.remove_prefix(1);  // one white space
  Picture p{*height, *width, color ? 3u : 1u, {}};
  const std::size_t n = p.height * p.width * p.channels;  // below 3e16
  if (n == 0 || bytes.size() != n) {
    fail(ErrorKind::file, where, "expected ", n, " bytes of pixels, got ", bytes.size());
  }
  for (const char c : bytes) {
    const std::size_t value = static_cast<std::uint8_t>(c);
    if (value > *most) fail(ErrorKind::file, where, "expected at most ", *most, ", got ", value);
    p.pixels.push_back(static_cast<std::uint8_t>((value * 255 + *most / 2) / *most));
  }
  return p;
}

Picture with_channels(const Picture& from, std::size_t channels) {
  if (from.channels == channels) return from;
  Picture to{from.height, from.width, channels, {}};
  to.pixels.reserve(from.height * from.width * channels);
  for (std::size_t i = 0; i < from.pixels.size(); i += from.channels) {
    const std::uint8_t* pixel = &from.pixels[i];
    const bool gray = from.channels < 3;
    if (channels == 1) {
      const unsigned luma =
          gray ? pixel[0] * 1000u : 299u * pixel[0] + 587u * pixel[1] + 114u * pixel[2];
      to.pixels.push_back(static_cast<std::uint8_t>((luma + 500) / 1000));
    } else {
      for (std::size_t c = 0; c < channels; ++c) to.pixels.push_back(pixel[gray ? 0 : c]);
    }
  }
  return to;
}

}  // namespace hone
