#pragma once
/// JSON, read strictly: an Error names the file and what was expected.

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace hone {

using Json = nlohmann::json;

/// Throws Error (data) with the position of what is no JSON.
Json parse_json(std::string_view text, const std::string& where);

/// Throws Error (file) where the file cannot be read.
Json read_json(const std::filesystem::path& path);

/// The value of `key` as a T (a number, std::string, a vector of these).  Throws Error (data) where
/// it is missing or of another type.
template <class T>
T json_value(const Json& object, const char* key, const std::string& where);

}  // namespace hone
