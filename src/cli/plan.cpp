#include <iomanip>
#include <iostream>
#include <memory>

#include <hone/train.h>

#include "src/cli/command.h"
#include "src/cli/dataset.h"
#include "src/cli/step.h"
#include "src/data/text.h"
#include "src/train/plan.h"

namespace hone::cli {
namespace {

struct PlanArgs {
  std::string model, budget;
  StepArgs step;
  DataArgs data;
};

/// `256K`, `1.5M`, or a number of bytes.
std::size_t bytes_of(const std::string& text) {
  std::string number = text;
  double unit = 1;
  if (!number.empty() && (number.back() == 'K' || number.back() == 'M')) {
    unit = number.back() == 'K' ? 1024 : 1024 * 1024;
    number.pop_back();
  }
  const std::optional<float> value = parse_float(number);
  if (!value || !(*value > 0) || *value * unit > 1e15) {
    fail(ErrorKind::argument, "--budget", "expected bytes such as 262144, 256K or 1.5M, got ",
         excerpt(text));
  }
  return static_cast<std::size_t>(static_cast<double>(*value) * unit);
}

nlohmann::json to_json(const OperatorMemory& m) {
  return {{"op", m.op},           {"weights", m.weights},     {"slots", m.slots},
          {"packed", m.packed},   {"gradients", m.gradients}, {"activations", m.activations},
          {"scratch", m.scratch}, {"graph", m.graph}};
}

nlohmann::json to_json(const MemoryPlan& p) {
  nlohmann::json j{{"peak_bytes", p.peak_bytes},
                   {"inference_peak_bytes", p.inference_peak_bytes},
                   {"kept_bytes", p.kept_bytes},
                   {"step_bytes", p.step_bytes},
                   {"least_step_bytes", p.least_step_bytes},
                   {"micro_batch", p.micro_batch},
                   {"parameters", p.parameters},
                   {"recomputed", nlohmann::json::array()},
                   {"operators", nlohmann::json::array()}};
  for (const Recomputed& r : p.recomputed)
    j["recomputed"].push_back({{"op", r.op}, {"saved_bytes", r.saved_bytes}});
  for (const OperatorMemory& m : p.operators) j["operators"].push_back(to_json(m));
  return j;
}

void print_row(const std::string& name, const OperatorMemory& m) {
  std::cout << std::left << std::setw(26) << name << std::right;
  for (const std::size_t bytes :
       {m.weights, m.slots, m.packed, m.gradients, m.activations, m.scratch, m.graph, m.total()})
    std::cout << std::setw(12) << bytes;
  std::cout << '\n';
}

std::string name_of(const Model& model, std::size_t op) {
  return model.operators()[op].type() + " #" + std::to_string(op);
}

void print_recomputed(const Model& model, const MemoryPlan& p) {
  if (p.recomputed.empty()) return;
  std::int64_t saved = 0;
  for (const Recomputed& r : p.recomputed) {
    std::cout << "computed again            " << std::left << std::setw(26) << name_of(model, r.op)
              << " saves " << r.saved_bytes << " bytes\n";
    saved += r.saved_bytes;
  }
  std::cout << "peak without that         " << static_cast<std::int64_t>(p.peak_bytes) + saved
            << " bytes\n";
}

void print_text(const Model& model, const MemoryPlan& p) {
  std::cout << std::left << std::setw(26) << "bytes at the peak" << std::right;
  for (const char* cause :
       {"weights", "slots", "packed", "gradients", "activations", "scratch", "graph", "all"})
    std::cout << std::setw(12) << cause;
  std::cout << '\n';
  OperatorMemory all;
  for (const OperatorMemory& m : p.operators) {
    const std::string name = m.op < 0 ? "the step" : name_of(model, static_cast<std::size_t>(m.op));
    print_row(name, m);
    all.weights += m.weights, all.slots += m.slots, all.packed += m.packed;
    all.gradients += m.gradients, all.activations += m.activations;
    all.scratch += m.scratch, all.graph += m.graph;
  }
  print_row("all", all);
  std::cout << "gaps between values       " << p.step_bytes - p.least_step_bytes << '\n';
  print_recomputed(model, p);
  std::cout << "peak of training          " << p.peak_bytes << " bytes, micro-batches of "
            << p.micro_batch << '\n'
            << "peak of inference         " << p.inference_peak_bytes << " bytes\n";
}

void print_text(const std::vector<Proposal>& proposals) {
  std::cout << std::left << std::setw(20) << "--train" << std::right << std::setw(14)
            << "--micro-batch" << std::setw(10) << "--fused" << std::setw(9) << "--lean"
            << std::setw(14) << "peak bytes" << std::setw(14) << "parameters" << std::setw(12)
            << "learns"
            << "  --recompute" << '\n';
  for (const Proposal& p : proposals) {
    std::cout << std::left << std::setw(20) << p.options.train.text << std::right << std::setw(14)
              << p.plan.micro_batch << std::setw(10) << (p.options.fused ? "yes" : "no")
              << std::setw(9) << (p.options.keep_packed_weights ? "no" : "yes") << std::setw(14)
              << p.plan.peak_bytes << std::setw(14) << p.plan.parameters << std::setw(12) << p.score
              << "  " << (p.options.recompute.empty() ? "no" : text_of(p.options.recompute))
              << '\n';
  }
}

nlohmann::json to_json(const std::vector<Proposal>& proposals) {
  nlohmann::json list = nlohmann::json::array();
  for (const Proposal& p : proposals) {
    list.push_back({{"train", p.options.train.text},
                    {"micro_batch", p.plan.micro_batch},
                    {"peak_bytes", p.plan.peak_bytes},
                    {"parameters", p.plan.parameters},
                    {"fused", p.options.fused},
                    {"lean", !p.options.keep_packed_weights},
                    {"recompute", text_of(p.options.recompute)},
                    {"score", p.score}});
  }
  return list;
}

void plan(const PlanArgs& args, const Common& common) {
  const std::size_t budget = args.budget.empty() ? 0 : bytes_of(args.budget);
  Model model = Model::load(args.model);
  PlanOptions options = plan_options(model, args.step, budget);
  const MemoryPlan p = hone::plan(model, options);
  std::vector<Proposal> proposals;
  if (budget != 0) {
    if (args.step.recompute == "auto") options.recompute.clear();  // each chooses its own
    std::optional<Dataset> data;
    if (!args.data.path.empty()) data = open_data(model, args.data, args.data.path);
    proposals = propose(model, options, budget, data ? &*data : nullptr);
  }
  if (common.json) {
    nlohmann::json j = to_json(p);
    if (budget != 0) j["proposals"] = to_json(proposals);
    return print(j);
  }
  print_text(model, p);
  if (budget == 0) return;
  std::cout << "\nwithin " << budget << " bytes, best first:\n";
  print_text(proposals);
}

}  // namespace

void add_plan(CLI::App& root, Common& common) {
  const auto args = std::make_shared<PlanArgs>();
  CLI::App* sub = add(root, common, "plan", "tells the memory of training before anything runs",
                      [&common, args] { plan(*args, common); });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  add_options(*sub, args->data, false);
  add_options(*sub, args->step);
  sub->add_option("--budget", args->budget,
                  "propose what fits into so many bytes, such as 256K, and learns most; by the "
                  "gradients of samples of --data, where given");
}

}  // namespace hone::cli
