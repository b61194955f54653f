#include "src/data/json.h"

#include <cstdint>
#include <vector>

#include <hone/error.h>

#include "src/data/text.h"

namespace hone {
namespace {

/// What the parser says, without the name of its own exception in brackets.
std::string reason(const Json::exception& e) {
  const std::string_view text = e.what();
  const std::size_t end = text.find("] ");
  return escaped(end == std::string_view::npos ? text : text.substr(end + 2));
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    fail(ErrorKind::data, where, "expected JSON: ", reason(e));
  }
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_text(path), escaped(path.string()));
}

template <class T>
T json_value(const Json& object, const char* key, const std::string& where) {
  if (!object.is_object() || !object.contains(key)) {
    fail(ErrorKind::data, where, "expected an object with the key \"", key, '"');
  }
  try {
    return object.at(key).get<T>();
  } catch (const Json::exception& e) {
    fail(ErrorKind::data, where, "unexpected \"", key, "\": ", reason(e));
  }
}

template double json_value(const Json&, const char*, const std::string&);
template std::int64_t json_value(const Json&, const char*, const std::string&);
template std::string json_value(const Json&, const char*, const std::string&);
template std::vector<double> json_value(const Json&, const char*, const std::string&);
template std::vector<std::int64_t> json_value(const Json&, const char*, const std::string&);
template std::vector<std::string> json_value(const Json&, const char*, const std::string&);

}  // namespace hone
