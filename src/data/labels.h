#pragma once
/// Class names that are met one after the other, and their numbers.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <hone/tensor.h>

namespace hone {

/// Collects one label a sample.
class Labels {
 public:
  /// `known` classes keep their order and are the only ones; without them all are taken.
  explicit Labels(const std::vector<std::string>& known);

  /// The number of a name until finish().  Throws Error (data), its text beginning with `where`,
  /// where the name is empty or not among the known ones.
  std::int32_t number(const std::string& name, std::string_view where);
  void add(std::int32_t number) { labels_.push_back(number); }

  /// All labels, int32 (samples), and the names they index: the known ones, else sorted.
  Tensor finish(std::vector<std::string>& names) const;

 private:
  std::vector<std::string> known_;
  std::map<std::string, std::int32_t> numbers_;
  std::vector<std::int32_t> labels_;
};

}  // namespace hone
