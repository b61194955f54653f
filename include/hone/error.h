#pragma once
/// The one exception type of the library.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hone {

enum class ErrorKind : std::uint8_t {
  argument,     ///< a call that cannot be meant: shapes, axes, options
  data,         ///< samples or labels that cannot be used
  file,         ///< a model or another file that is broken, missing or not writable
  memory,       ///< a budget or an arena that is too small
  state,        ///< a call at the wrong time: a second backward, a weight moved under a graph
  unsupported,  ///< well-formed, but outside what hone does
  stopped,      ///< the user asked to stop
};

/// Bad input of any kind.  what() reads `[where] expected A, got B`; model and files are as they
/// were.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string_view where, std::string_view message);

  ErrorKind kind() const noexcept { return kind_; }
  const std::string& where() const noexcept { return where_; }
  /// what() without its place.
  std::string_view message() const noexcept;

 private:
  ErrorKind kind_;
  std::string where_;
};

/// One part of a message, its type forgotten: refusals are many, and each would be a stream of its
/// own otherwise.
struct MessagePart {
  template <class T>
  MessagePart(const T& v) noexcept : value(&v), print(print_as<T>) {}
  template <std::size_t n>
  MessagePart(const char (&text)[n]) noexcept : value(text), print(print_text) {}

  template <class T>
  static void print_as(std::ostream& out, const void* value) {
    out << *static_cast<const T*>(value);
  }
  static void print_text(std::ostream& out, const void* text);

  const void* value;
  void (*print)(std::ostream& out, const void* value);
};

/// Throws Error with the parts streamed one after the other.
[[noreturn, gnu::cold]] void fail_with(ErrorKind kind, std::string_view where,
                                       std::initializer_list<MessagePart> parts);

/// The same: `fail(kind, "csv", "expected ", 6, " columns")`.
template <class... Parts>
[[noreturn, gnu::cold]] void fail(ErrorKind kind, std::string_view where, const Parts&... parts) {
  fail_with(kind, where, {MessagePart(parts)...});
}

/// `text` with quotes, control characters and what is no UTF-8 escaped, so that a name from a file
/// is safe to print.
std::string escaped(std::string_view text);

}  // namespace hone
