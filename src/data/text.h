#pragma once
/// Text files and the numbers in them.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// The whole file.  Throws Error (file) where it cannot be read or is a folder.
std::string read_text(const std::filesystem::path& path);

/// `text` without spaces and tabs around it.
std::string_view trimmed(std::string_view text);

/// A finite decimal number, spaces around it allowed and nothing else; else no value.
std::optional<float> parse_float(std::string_view text);
std::optional<double> parse_double(std::string_view text);

/// `text` for a message: in quotes, escaped, at most 40 characters.
std::string excerpt(std::string_view text);

/// The extension in lower case, with its dot.
std::string extension(const std::filesystem::path& path);

/// All regular files below `folder` whose extension (in any case) is among `extensions`, by path;
/// names that begin with a dot are left out.  Throws Error (file) where there is none.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                               const std::vector<std::string>& extensions);

}  // namespace hone
