#include <hone/error.h>

#include <algorithm>
#include <sstream>

namespace hone {
namespace {

std::string in_brackets(std::string_view where, std::string_view message) {
  std::string text = "[";
  text += where;
  text += "] ";
  text += message;
  return text;
}

/// Length of the UTF-8 character that `text` begins with; 0 where it is none, or a control
/// character.
std::size_t printable(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(text[i] & 0xff); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < n) return 0;
  std::uint32_t code = first & (0xffu >> (n + 1));
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};  // below 0xa0 are controls
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool none = (code & 0xfffe) == 0xfffe || code > 0x10ffff;
  return code >= least[n] && !surrogate && !none ? n : 0;
}

}  // namespace

Error::Error(ErrorKind kind, std::string_view where, std::string_view message)
    : std::runtime_error(in_brackets(where, message)), kind_(kind), where_(where) {}

std::string_view Error::message() const noexcept {
  return std::string_view(what()).substr(where_.size() + 3);  // [where] and a space
}

void MessagePart::print_text(std::ostream& out, const void* text) {
  out << static_cast<const char*>(text);
}

void fail_with(ErrorKind kind, std::string_view where, std::initializer_list<MessagePart> parts) {
  std::ostringstream message;
  for (const MessagePart& part : parts) part.print(message, part.value);
  throw Error(kind, where, message.str());
}

std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const std::size_t n = printable(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (n == 0) {
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      if (text[0] == '"' || text[0] == '\\') out += '\\';
      out += text.substr(0, n);
    }
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

}  // namespace hone
