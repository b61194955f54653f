#include "src/data/json.h"

#include <cstdint>
#include <vector>

#include <hone/error.h>

#include "src/data/text.h"

namespace hone {

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    fail(ErrorKind::data, where, "expected JSON: ", escaped(e.what()));
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
    fail(ErrorKind::data, where, "unexpected \"", key, "\": ", escaped(e.what()));
  }
}

template double json_value(const Json&, const char*, const std::string&);
template std::int64_t json_value(const Json&, const char*, const std::string&);
template std::string json_value(const Json&, const char*, const std::string&);
template std::vector<double> json_value(const Json&, const char*, const std::string&);
template std::vector<std::int64_t> json_value(const Json&, const char*, const std::string&);
template std::vector<std::string> json_value(const Json&, const char*, const std::string&);

}  // namespace hone
