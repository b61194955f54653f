#pragma once
/// Where the time of a training step goes, operator by operator.

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <hone/model.h>
#include <nlohmann/json.hpp>

#include "src/tensor/stopwatch.h"

namespace hone::cli {

/// Fused multiply-adds of one thread in 1e9 operations a second, the best of some short loops.
double measured_peak();

/// While alive, it adds up what the calls and updates of this thread take.
class Profile {
 public:
  explicit Profile(const Model& model);
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// `ms`: of all steps watched.  Times of one step in ms, and the operators' shares of it;
  /// `peak`: of one thread, in 1e9 operations a second.
  nlohmann::json table(double ms, std::size_t steps, double peak) const;

 private:
  struct Row {
    std::string type, label;
    std::int64_t index = -1;  // in the file; -1: a loss
    std::int64_t ns[3] = {};  // forward, backward, update
    double flops = 0;
  };
  static void told(void* self, const Timing& timing) noexcept;
  void add(const Timing& timing);
  Row& row_of(const Timing& timing);

  Watcher watcher_;
  std::vector<Row> rows_;
  std::map<const CallCache*, std::size_t> sites_;
  std::map<const OpDef*, std::size_t> others_;
  std::map<std::int32_t, std::size_t> tensors_;  // the operator that a weight belongs to
};

/// The same as a table for people.
void print_profile(std::ostream& out, const nlohmann::json& table);

}  // namespace hone::cli
