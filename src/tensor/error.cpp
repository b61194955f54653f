#include <hone/error.h>

namespace hone {
namespace {

std::string in_brackets(std::string_view where, std::string_view message) {
  std::string text = "[";
  text += where;
  text += "] ";
  text += message;
  return text;
}

}  // namespace

Error::Error(ErrorKind kind, std::string_view where, std::string_view message)
    : std::runtime_error(in_brackets(where, message)), kind_(kind), where_(where) {}

std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace hone
