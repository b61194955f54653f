#include <algorithm>
#include <cmath>
#include <map>

#include <hone/data.h>
#include <hone/error.h>

#include "src/data/sources.h"
#include "src/tensor/random.h"

namespace hone {
namespace {

void check_fraction(double fraction, std::string_view where) {
  if (fraction > 0 && fraction < 1) return;
  fail(ErrorKind::argument, where, "expected a fraction between 0 and 1, got ", fraction);
}

/// How many of n go to the first part: rounded, but never none and never all where there are two.
std::size_t share(double fraction, std::size_t n) {
  const auto k = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(n)));
  return n < 2 ? n : std::clamp(k, std::size_t{1}, n - 1);
}

/// Sends `share` of every group, chosen at random, to the first part.
template <class Key>
void divide(const std::map<Key, std::vector<std::size_t>>& groups, double fraction,
            std::uint64_t seed, std::vector<bool>& first) {
  std::uint64_t stream = 0;
  for (const auto& [key, members] : groups) {
    const std::vector<std::size_t> order = shuffled(members.size(), seed, stream++);
    for (std::size_t k = 0; k < share(fraction, members.size()); ++k) {
      first[members[order[k]]] = true;
    }
  }
}

std::pair<std::vector<std::size_t>, std::vector<std::size_t>> sides(
    const std::vector<bool>& first) {
  std::pair<std::vector<std::size_t>, std::vector<std::size_t>> out;
  for (std::size_t i = 0; i < first.size(); ++i) (first[i] ? out.first : out.second).push_back(i);
  return out;
}

/// Whether two samples share a row.
bool overlap(const Dataset& data) {
  std::map<std::size_t, std::vector<std::int64_t>> begins;
  std::int64_t length = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const Dataset::Origin o = data.origin(i);
    begins[o.recording].push_back(o.begin);
    length = o.end - o.begin;
  }
  for (auto& [recording, rows] : begins) {
    std::sort(rows.begin(), rows.end());
    for (std::size_t k = 1; k < rows.size(); ++k) {
      if (rows[k] - rows[k - 1] < length) return true;
    }
  }
  return false;
}

}  // namespace

std::pair<Dataset, Dataset> Dataset::parts(const std::vector<std::size_t>& first,
                                           const std::vector<std::size_t>& second,
                                           std::string_view where) const {
  if (first.empty() || second.empty()) {
    fail(ErrorKind::data, where, "expected samples in both parts, got ", first.size(), " and ",
         second.size(), " of ", size());
  }
  return {subset(first), subset(second)};
}

std::pair<Dataset, Dataset> Dataset::split(double fraction, std::uint64_t seed) const {
  return overlap(*this) ? split_by_time(fraction) : split_stratified(fraction, seed);
}

std::pair<Dataset, Dataset> Dataset::split_stratified(double fraction, std::uint64_t seed) const {
  constexpr std::string_view where = "stratified split";
  check_fraction(fraction, where);
  const bool labelled = target() == Target::classes && sources_->targets.shape().rank() == 1;
  std::map<std::int32_t, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < size(); ++i) groups[labelled ? label(i) : 0].push_back(i);
  std::vector<bool> first(size());
  divide(groups, fraction, seed, first);
  const auto [a, b] = sides(first);
  return parts(a, b, where);
}

std::pair<Dataset, Dataset> Dataset::split_by_recording(double fraction, std::uint64_t seed) const {
  constexpr std::string_view where = "split by recording";
  check_fraction(fraction, where);
  std::map<std::size_t, std::size_t> numbers;  // of the recordings that have samples
  for (std::size_t i = 0; i < size(); ++i) numbers.emplace(origin(i).recording, numbers.size());
  std::map<int, std::vector<std::size_t>> all;
  for (std::size_t k = 0; k < numbers.size(); ++k) all[0].push_back(k);
  std::vector<bool> chosen(numbers.size());
  divide(all, fraction, seed, chosen);
  std::vector<bool> first(size());
  for (std::size_t i = 0; i < size(); ++i) first[i] = chosen[numbers.at(origin(i).recording)];
  const auto [a, b] = sides(first);
  return parts(a, b, where);
}

std::pair<Dataset, Dataset> Dataset::split_by_time(double fraction) const {
  constexpr std::string_view where = "split by time";
  check_fraction(fraction, where);
  std::vector<std::size_t> first, second;
  for (std::size_t i = 0; i < size(); ++i) {
    const Origin o = origin(i);
    const std::int64_t length = o.end - o.begin;
    const auto windows = static_cast<double>(o.rows - length + 1);
    if (static_cast<double>(o.begin) / windows < fraction) {
      first.push_back(i);
    } else if (static_cast<double>(o.begin - length) >= fraction * windows) {
      second.push_back(i);
    }
  }
  return parts(first, second, where);
}

}  // namespace hone
