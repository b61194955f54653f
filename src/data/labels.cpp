#include "src/data/labels.h"

#include <algorithm>
#include <cstddef>

#include <hone/error.h>

#include "src/data/text.h"

namespace hone {
namespace {

bool is_whole_number(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos;
}

/// Of two whole numbers of any length.
bool is_smaller(const std::string& a, const std::string& b) {
  const auto digits = [](std::string_view text) {
    return text.substr(std::min(text.find_first_not_of('0'), text.size()));
  };
  const std::string_view x = digits(a), y = digits(b);
  return x.size() != y.size() ? x.size() < y.size() : x < y;
}

}  // namespace

Labels::Labels(const std::vector<std::string>& known) : known_(known) {
  for (const std::string& name : known) {
    if (!numbers_.emplace(name, static_cast<std::int32_t>(numbers_.size())).second) {
      fail(ErrorKind::argument, "classes", "expected classes of different names, got ",
           excerpt(name), " twice");
    }
  }
}

std::int32_t Labels::number(const std::string& name, std::string_view where) {
  const auto it = numbers_.find(name);
  if (it != numbers_.end()) return it->second;
  if (!known_.empty() || name.empty()) {
    std::string names;
    for (const std::string& n : known_) (names += names.empty() ? "among " : ", ") += escaped(n);
    fail(ErrorKind::data, where, "expected a label ", names.empty() ? "that is not empty" : names,
         ", got ", excerpt(name));
  }
  const auto next = static_cast<std::int32_t>(numbers_.size());
  return numbers_.emplace(name, next).first->second;
}

Tensor Labels::finish(std::vector<std::string>& names) const {
  names = known_;
  if (known_.empty()) {
    for (const auto& [name, number] : numbers_) names.push_back(name);  // a map is sorted
    if (std::all_of(names.begin(), names.end(), is_whole_number)) {
      std::stable_sort(names.begin(), names.end(), is_smaller);
    }
  }
  std::vector<std::int32_t> place(numbers_.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    place[static_cast<std::size_t>(numbers_.at(names[i]))] = static_cast<std::int32_t>(i);
  }
  Tensor out(TensorType(DType::int32, {static_cast<std::int64_t>(labels_.size())}));
  std::transform(labels_.begin(), labels_.end(), out.mutable_data<std::int32_t>().begin(),
                 [&](std::int32_t number) { return place[static_cast<std::size_t>(number)]; });
  return out;
}

}  // namespace hone
