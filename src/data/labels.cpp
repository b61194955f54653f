#include "src/data/labels.h"

#include <algorithm>
#include <cstddef>

#include <hone/error.h>

#include "src/data/text.h"

namespace hone {

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
  std::vector<std::int32_t> place(numbers_.size());
  for (const auto& [name, number] : numbers_) {  // a map is sorted
    auto& to = place[static_cast<std::size_t>(number)];
    to = known_.empty() ? static_cast<std::int32_t>(names.size()) : number;
    if (known_.empty()) names.push_back(name);
  }
  Tensor out(TensorType(DType::int32, {static_cast<std::int64_t>(labels_.size())}));
  std::transform(labels_.begin(), labels_.end(), out.mutable_data<std::int32_t>().begin(),
                 [&](std::int32_t number) { return place[static_cast<std::size_t>(number)]; });
  return out;
}

}  // namespace hone
