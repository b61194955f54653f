#include "src/data/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <hone/error.h>

namespace hone {
namespace {

struct Twin {
  std::string_view descr;
  DType dtype;
};

constexpr std::array<Twin, 12> twins{{{"|b1", DType::boolean},
                                      {"|i1", DType::int8},
                                      {"<i2", DType::int16},
                                      {"<i4", DType::int32},
                                      {"<i8", DType::int64},
                                      {"|u1", DType::uint8},
                                      {"<u2", DType::uint16},
                                      {"<u4", DType::uint32},
                                      {"<u8", DType::uint64},
                                      {"<f2", DType::float16},
                                      {"<f4", DType::float32},
                                      {"<f8", DType::float64}}};

constexpr std::string_view magic = "\x93NUMPY";

/// A strict reader of the few Python literals a header is made of.
class HeaderText {
 public:
  HeaderText(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  [[noreturn]] void refuse(std::string_view expected) const {
    fail(ErrorKind::file, where_, "expected ", expected, " in the NPY header, got \"",
         escaped(text_.substr(at_, 40)), '"');
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(std::string_view token) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) refuse(token);
  }
  std::string_view quoted() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t end =
        quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) refuse("a string");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }
  std::int64_t dimension() {
    skip_spaces();
    std::int64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) refuse("a dimension");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }
  Shape shape() {
    Shape shape;
    expect("(");
    while (!accept(")")) {
      if (shape.rank() == Shape::max_rank) refuse("at most 8 dimensions");
      shape.append(dimension());
      if (!accept(",")) {
        expect(")");
        break;
      }
    }
    return shape;
  }
  bool boolean() {
    if (accept("True")) return true;
    expect("False");
    return false;
  }
  void end() {
    skip_spaces();
    if (at_ != text_.size()) refuse("nothing after the dictionary");
  }

 private:
  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

DType dtype_of_descr(std::string_view descr, const std::string& where) {
  for (const Twin& t : twins) {
    if (t.descr == descr) return t.dtype;
  }
  std::string known;
  for (const Twin& t : twins) (known += known.empty() ? "" : " ") += t.descr;
  fail(ErrorKind::unsupported, where, "expected an element type among ", known, ", got \"",
       escaped(descr.substr(0, 40)), '"');
}

/// Bytes of the values; more than `limit` is an Error.
std::size_t checked_bytes(const NpyHeader& h, std::uint64_t limit, const std::string& where) {
  std::uint64_t bytes = byte_size(h.dtype);
  const bool empty = std::find(h.shape.begin(), h.shape.end(), 0) != h.shape.end();
  for (const std::int64_t d : h.shape) {
    if (empty) return 0;
    if (static_cast<std::uint64_t>(d) > limit / bytes) {
      fail(ErrorKind::file, where, "expected values of ", h.dtype, ' ', h.shape, ", got ", limit,
           " bytes");
    }
    bytes *= static_cast<std::uint64_t>(d);
  }
  return bytes;
}

/// Column-major `from` into row-major `to`, both of `shape`.
void from_fortran_order(const Shape& shape, std::size_t element, const std::byte* from,
                        std::byte* to) {
  std::array<std::size_t, Shape::max_rank> strides{}, index{};
  std::size_t stride = element;
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    strides[d] = stride;
    stride *= static_cast<std::size_t>(shape[d]);
  }
  const std::size_t n = shape.numel();
  std::size_t source = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::memcpy(to + i * element, from + source, element);
    for (std::size_t d = shape.rank(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < static_cast<std::size_t>(shape[d])) break;
      source -= strides[d] * index[d];
      index[d] = 0;
    }
  }
}

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& where) {
  HeaderText in(text, where);
  NpyHeader header;
  bool descr = false, order = false, shape = false;
  in.expect("{");
  while (!in.accept("}")) {
    const std::string_view key = in.quoted();
    in.expect(":");
    if (key == "descr" && !std::exchange(descr, true)) {
      header.dtype = dtype_of_descr(in.quoted(), where);
    } else if (key == "fortran_order" && !std::exchange(order, true)) {
      header.fortran_order = in.boolean();
    } else if (key == "shape" && !std::exchange(shape, true)) {
      header.shape = in.shape();
    } else {
      in.refuse("each of descr, fortran_order and shape once");
    }
    if (!in.accept(",")) {
      in.expect("}");
      break;
    }
  }
  in.end();
  if (!descr || !order || !shape) in.refuse("descr, fortran_order and shape");
  return header;
}

std::string npy_header(const TensorType& type, const std::string& where) {
  DType dtype = type.dtype;  // small integers take a byte in memory and in NumPy
  if (dtype == DType::int4 || dtype == DType::int2) dtype = DType::int8;
  if (dtype == DType::uint4) dtype = DType::uint8;
  const auto* twin =
      std::find_if(twins.begin(), twins.end(), [&](const Twin& t) { return t.dtype == dtype; });
  if (twin == twins.end()) {
    fail(ErrorKind::unsupported, where, "expected an element type that NumPy has, got ", dtype);
  }
  std::string text = "{'descr': '" + std::string(twin->descr) + "', 'fortran_order': False, ";
  text += "'shape': (";
  for (const std::int64_t d : type.shape) text += std::to_string(d) + ", ";
  text += "), }";
  constexpr std::size_t fixed = 10;  // magic, version and the length
  text.resize((fixed + text.size() + 1 + 63) / 64 * 64 - fixed - 1, ' ');
  text += '\n';
  std::string out(magic);
  out +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return out + text;
}

NpyHeader read_npy_header(EntryReader& source) {
  const std::string& where = source.where();
  std::array<std::byte, 8> start;
  source.read(start);
  const auto major = std::to_integer<unsigned>(start[6]);
  if (std::memcmp(start.data(), magic.data(), magic.size()) != 0 || major < 1 || major > 3) {
    fail(ErrorKind::file, where, "expected an NPY file of version 1 to 3");
  }
  std::array<std::byte, 4> length;
  source.read(std::span(length).first(major == 1 ? 2 : 4));
  std::size_t header_bytes = 0;
  for (std::size_t i = 0; i < (major == 1 ? 2 : 4); ++i) {
    header_bytes |= std::to_integer<std::size_t>(length[i]) << (8 * i);
  }
  constexpr std::size_t most = 1 << 16;  // a longer one is a structured type
  if (header_bytes > most || header_bytes > source.remaining()) {
    fail(ErrorKind::file, where, "expected an NPY header, got a length of ", header_bytes);
  }
  std::string text(header_bytes, '\0');
  source.read(std::as_writable_bytes(std::span(text)));
  const NpyHeader header = parse_npy_header(text, where);
  const std::size_t bytes = checked_bytes(header, source.remaining(), where);
  if (bytes != source.remaining()) {
    fail(ErrorKind::file, where, "expected ", bytes, " bytes for ", header.dtype, ' ', header.shape,
         ", got ", source.remaining());
  }
  return header;
}

Tensor read_npy(EntryReader& source) {
  const NpyHeader header = read_npy_header(source);
  const auto bytes = static_cast<std::size_t>(source.remaining());
  Tensor values(TensorType(header.dtype, header.shape));
  const std::span<std::byte> out(values.mutable_raw(), bytes);
  if (header.fortran_order && header.shape.rank() > 1 && bytes > 0) {
    std::vector<std::byte> columns(bytes);
    source.read(columns);
    from_fortran_order(header.shape, byte_size(header.dtype), columns.data(), out.data());
  } else {
    source.read(out);
  }
  source.finish();
  if (header.dtype == DType::boolean) {
    for (std::byte& b : out) b = b == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return values;
}

}  // namespace hone
