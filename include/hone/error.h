#pragma once
/// The one exception type of the library.

#include <cstdint>
#include <sstream>
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

/// Throws Error; `parts` are streamed one after the other: `fail(kind, "csv", "expected ", 6, "
/// columns")`.
template <class... Parts>
[[noreturn]] void fail(ErrorKind kind, std::string_view where, const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(kind, where, message.str());
}

/// `text` with quotes, control characters and what is no UTF-8 escaped, so that a name from a file
/// is safe to print.
std::string escaped(std::string_view text);

}  // namespace hone
