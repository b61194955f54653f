#include "src/cli/profile.h"

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <ostream>

#include <hone/op.h>
#include <hone/threads.h>

#include "ops/kernels/kernels.h"

namespace hone::cli {
double measured_peak() {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  float sum = 0;
  for (int i = 0; i < 20; ++i) {
    double done = 0;
    const auto start = Clock::now();
    kernels().multiply_adds(
        {.rounds = 100'000, .x = 0.5f, .y = 1.0f, .sum = &sum, .operations = &done});
    best = std::max(best, done / std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best / 1e9;
}

Profile::Profile(const Model& model) : watcher_{told, this} {
  for (const Operator& op : model.operators()) {
    for (const std::int32_t t : op.inputs) tensors_.emplace(t, rows_.size());
    rows_.push_back({op.type(), op.label(), static_cast<std::int64_t>(op.index()), {}, 0});
  }
  watcher = &watcher_;
}

Profile::~Profile() { watcher = nullptr; }

void Profile::told(void* self, const Timing& timing) noexcept {
  static_cast<Profile*>(self)->add(timing);
}

Profile::Row& Profile::row_of(const Timing& timing) {
  if (timing.parameter != nullptr) {
    const auto known = tensors_.find(timing.parameter->place().tensor);
    if (known != tensors_.end()) return rows_[known->second];
  }
  if (timing.site != nullptr) {
    const auto known = sites_.find(timing.site);
    if (known != sites_.end()) return rows_[known->second];
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::string name = rows_[i].type + " #" + std::to_string(rows_[i].index);
      const std::string& where = timing.site->where;
      if (!where.starts_with(name) || (where.size() > name.size() && where[name.size()] != ' '))
        continue;
      sites_[timing.site] = i;
      return rows_[i];
    }
  }
  const auto [place, added] = others_.emplace(timing.op, rows_.size());
  if (added) rows_.push_back({timing.op ? std::string(timing.op->name) : "update", "", -1, {}, 0});
  return rows_[place->second];
}

void Profile::add(const Timing& timing) {
  Row& row = row_of(timing);
  row.ns[static_cast<std::size_t>(timing.part)] += timing.ns;
  if (timing.op == nullptr) return;
  if (timing.op->operations == nullptr) return;
  const double once = timing.op->operations(timing.inputs, timing.outputs);
  const bool back = timing.part == Timing::Part::backward;
  row.flops += once * (back ? (timing.wanted & 1u) + (timing.wanted >> 1 & 1u) : 1);
}

nlohmann::json Profile::table(double ms, std::size_t steps, double peak) const {
  const auto n = static_cast<double>(steps);
  auto list = nlohmann::json::array();
  double rest = ms;
  for (const Row& row : rows_) {
    const double forward = static_cast<double>(row.ns[0]) / 1e6;
    const double backward = static_cast<double>(row.ns[1]) / 1e6;
    const double update = static_cast<double>(row.ns[2]) / 1e6;
    const double products = (forward + backward) * 1e6;
    const double gflops = products > 0 ? row.flops / products : 0;
    rest -= forward + backward + update;
    list.push_back({{"index", row.index},
                    {"type", row.type},
                    {"label", row.label},
                    {"forward_ms", forward / n},
                    {"backward_ms", backward / n},
                    {"update_ms", update / n},
                    {"share", (forward + backward + update) / ms},
                    {"mflop", row.flops / n / 1e6},
                    {"gflops", gflops},
                    {"of_peak", gflops / (peak * static_cast<double>(threads()))}});
  }
  return {{"operators", list},
          {"step_ms", ms / n},
          {"rest_ms", rest / n},
          {"rest_share", rest / ms},
          {"peak_gflops", peak}};
}

void print_profile(std::ostream& out, const nlohmann::json& table) {
  const auto number = [&](double v, int width, int digits) {
    out << std::setw(width) << std::setprecision(digits) << v;
  };
  out << std::fixed << "   # operator              forward  backward    update   share     MFLOP"
      << "  GFLOP/s of peak\n";
  for (const auto& row : table.at("operators")) {
    const auto index = row.at("index").get<std::int64_t>();
    out << std::setw(4) << (index < 0 ? "" : std::to_string(index)) << ' ' << std::left
        << std::setw(20) << row.at("type").get<std::string>() << std::right;
    for (const char* part : {"forward_ms", "backward_ms", "update_ms"})
      number(row.at(part).get<double>(), 10, 4);
    number(100 * row.at("share").get<double>(), 7, 1);
    out << '%';
    if (row.at("mflop").get<double>() > 0) {
      number(row.at("mflop").get<double>(), 10, 3);
      number(row.at("gflops").get<double>(), 9, 1);
      number(100 * row.at("of_peak").get<double>(), 7, 0);
      out << '%';
    }
    out << '\n';
  }
  out << "     what lies between   ";
  number(table.at("rest_ms").get<double>(), 30, 4);
  number(100 * table.at("rest_share").get<double>(), 7, 1);
  out << "%\n     step, in ms         ";
  number(table.at("step_ms").get<double>(), 30, 4);
  out << "\n     peak of one thread  ";
  number(table.at("peak_gflops").get<double>(), 30, 1);
  out << " GFLOP/s\n" << std::defaultfloat;
}

}  // namespace hone::cli
