#include "src/data/text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <concepts>
#include <fstream>
#include <sstream>

#include <hone/error.h>

namespace hone {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range && stop == end) {
    // too small is 0, too large is no number; only the longer type can tell which
    const auto wide = std::same_as<T, float> ? parse_double(text) : std::nullopt;
    if (wide && std::abs(*wide) < 1) return T{0};
    return std::nullopt;
  }
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) {
    fail(ErrorKind::file, escaped(path.string()), "expected a file, got a folder");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorKind::file, escaped(path.string()), "cannot open the file");
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) fail(ErrorKind::file, escaped(path.string()), "cannot read the file");
  return std::move(text).str();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<float> parse_float(std::string_view text) { return parse_number<float>(text); }
std::optional<double> parse_double(std::string_view text) { return parse_number<double>(text); }

std::string excerpt(std::string_view text) {
  constexpr std::size_t most = 40;
  return '"' + escaped(text.substr(0, most)) + (text.size() > most ? "...\"" : "\"");
}

std::string extension(const std::filesystem::path& path) {
  std::string text = path.extension().string();
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                               const std::vector<std::string>& extensions) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  std::error_code error;
  const auto hidden = [](const fs::path& p) { return p.filename().string().starts_with('.'); };
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (hidden(at->path())) {
      at.disable_recursion_pending();
      continue;
    }
    const std::string ending = extension(at->path());
    const bool wanted = std::find(extensions.begin(), extensions.end(), ending) != extensions.end();
    std::error_code none;
    if (wanted && at->is_regular_file(none)) files.push_back(at->path());
  }
  if (error) fail(ErrorKind::file, escaped(folder.string()), error.message());
  if (files.empty()) {
    std::string names;
    for (const std::string& e : extensions) (names += names.empty() ? "*" : " or *") += e;
    fail(ErrorKind::file, escaped(folder.string()), "expected files ", names,
         " in the folder, got none");
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return a.generic_string() < b.generic_string();
  });
  return files;
}

}  // namespace hone
