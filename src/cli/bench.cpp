#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>

#include <hone/loss.h>
#include <hone/train.h>

#include "src/cli/command.h"
#include "src/cli/profile.h"
#include "src/train/batch_step.h"

namespace hone::cli {
namespace {

namespace fs = std::filesystem;

struct BenchArgs {
  std::string workload, data, dir, regime = "full", update = "shadow";
  std::size_t batch = 32, steps = 0, parity = 20, micro_batch = 0;
  double seconds = 1.5, peak = 0;
  bool profile = false;
};

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

double wall_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Times {
  std::vector<double> wall, cpu;

  /// `steps` calls, or until `seconds` of processor time (three times that of wall time), at least
  /// 8, at most 400.
  template <class F>
  void measure(std::size_t steps, double seconds, F&& call) {
    const double end = wall_ms() + 3e3 * seconds;
    double spent = 0;
    for (std::size_t i = 0;; ++i) {
      const double c = cpu_ms(), w = wall_ms();
      call(i);
      wall.push_back(wall_ms() - w);
      cpu.push_back(cpu_ms() - c);
      spent += cpu.back();
      if (steps != 0 ? i + 1 >= steps
                     : i + 1 >= 400 || (i + 1 >= 8 && (spent > 1e3 * seconds || wall_ms() > end)))
        break;
    }
  }

  static double least(const std::vector<double>& v) {
    return *std::min_element(v.begin(), v.end());
  }
  static double median(std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  }
};

/// A figure of /proc/self/status, in MB; 0 where there is none.
double status_mb(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1)) / 1024;
  }
  return 0;
}

nlohmann::json read_json(const fs::path& path) {
  std::ifstream file(path);
  nlohmann::json j = nlohmann::json::parse(file, nullptr, false);
  if (j.is_discarded()) fail(ErrorKind::file, path.string(), "expected a JSON file");
  return j;
}

/// The regime's weights as a tensor list; in another kind of the file, whose tensors have other
/// numbers, by place.
Selector selector_of(const nlohmann::json& workloads, const std::string& stem,
                     const std::string& regime) {
  const std::string name = stem.substr(0, stem.find('_'));
  try {
    const nlohmann::json& w = workloads.at(name);
    if (stem != name && regime == "full") return all();
    if (stem != name && regime != "lastk") return {regime};
    if (stem != name) {
      std::size_t weighted = 0;
      for (const auto& parameter : w.at("regimes").at(regime))
        weighted += parameter.get<std::string>().ends_with("/w");
      return last(weighted);
    }
    std::string list;
    for (const auto& parameter : w.at("regimes").at(regime)) {
      const auto tensor = w.at("tflite").at(parameter.get<std::string>()).at("tensor").get<int>();
      list += (list.empty() ? "#" : ",#") + std::to_string(tensor);
    }
    return {list};
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::file, "workloads.json", "expected workload ", name, " with regime ", regime,
         ": ", error.what());
  }
}

/// The timed calls, watched.
template <class F>
void profile(const Model& model, const BenchArgs& args, nlohmann::json& line, F&& call) {
  const double peak = args.peak > 0 ? args.peak : measured_peak();
  Times times;
  const Profile watched(model);
  times.measure(args.steps, args.seconds, call);
  const double ms = std::accumulate(times.wall.begin(), times.wall.end(), 0.0);
  line["profile"] = watched.table(ms, times.wall.size(), peak);
}

void bench_forward(Model& model, const BenchArgs& args, nlohmann::json& line) {
  std::vector<Variable> inputs;
  for (const ModelTensor& t : model.inputs()) {
    TensorType type = t.type;
    if (type.shape.rank() > 0) type.shape[0] *= static_cast<std::int64_t>(args.batch);
    Tensor x(type);
    std::uint32_t state = 1;  // any values will do; the same in every run
    for (std::byte& b : std::span(x.mutable_raw(), x.bytes())) {
      state = state * 1664525u + 1013904223u;
      b = static_cast<std::byte>(type.dtype == DType::float32 ? 0 : state >> 24);
    }
    if (type.dtype == DType::float32) {
      for (float& v : x.mutable_data<float>()) {
        state = state * 1664525u + 1013904223u;
        v = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
      }
    }
    inputs.emplace_back(std::move(x));
  }
  const NoGrad no_grad;
  model.run(inputs);
  const auto run = [&](std::size_t) { model.run(inputs); };
  if (args.profile) return profile(model, args, line, run);
  Times times;
  times.measure(args.steps, args.seconds, run);
  line["inference_ms_min"] = Times::least(times.cpu);
  line["inference_ms_median"] = Times::median(times.cpu);
}

/// How far the losses are from those of PyTorch, by the rule of the workloads' protocol.
nlohmann::json parity(const nlohmann::json& reference, const std::string& name,
                      const BenchArgs& args, const std::vector<double>& losses) {
  const std::string key = name + "/b" + std::to_string(args.batch) + "/" + args.regime;
  if (!reference.at("losses").contains(key)) return nlohmann::json::object();
  const auto want = reference["losses"][key].get<std::vector<double>>();
  double worst = 0, first5 = 0, first = 0;
  for (std::size_t s = 0; s < std::min(want.size(), losses.size()); ++s) {
    const double error = std::abs(losses[s] - want[s]) / std::max(std::abs(want[s]), 1e-3);
    worst = std::max(worst, error);
    if (s < 5) first5 = std::max(first5, error);
    if (s == 0) first = error;
  }
  const double tolerance = std::max(1e-4, 10 * reference.at("float64_rel").at(key).get<double>());
  return {{"parity_error", worst},
          {"parity_step1", first},
          {"parity_first5", first5},
          {"parity_ok", worst <= tolerance || (first5 <= 1e-4 && worst <= 1e-2)}};
}

void bench_inference(Model& model, const Dataset& data, const BenchArgs& args,
                     nlohmann::json& line) {
  std::vector<std::size_t> samples(args.batch);
  for (std::size_t i = 0; i < args.batch; ++i) samples[i] = i % data.size();
  const NoGrad no_grad;
  const std::size_t micro = choose_micro_batch(model, args.batch, args.micro_batch);
  const auto forward = [&](std::size_t) {
    for (std::size_t begin = 0; begin < samples.size(); begin += micro) {
      const auto some = std::span(samples).subspan(begin, std::min(micro, samples.size() - begin));
      model(Variable(data.gather(some).x));
    }
  };
  for (std::size_t i = 0; i < 3; ++i) forward(i);
  Times times;
  times.measure(0, std::min(0.3, args.seconds), forward);
  line["inference_ms_min"] = Times::least(times.wall);
  line["inference_ms_median"] = Times::median(times.wall);
  line["inference_cpu_ms_min"] = Times::least(times.cpu);
}

void bench_steps(Model& model, const BenchArgs& args, nlohmann::json& line) {
  const fs::path workload = args.workload;
  const fs::path folder = workload.parent_path();
  const std::string stem = workload.stem().string();
  const std::string name = stem.substr(0, stem.find('_'));
  const nlohmann::json workloads = read_json(folder / "workloads.json");
  const fs::path data_path =
      args.data.empty() ? folder / (name + "_data.npz") : fs::path(args.data);
  const Dataset data = npz(data_path);
  Parameters parameters =
      model.trainable(selector_of(workloads, stem, args.regime),
                      {.update = args.update == "in_place" ? Update::in_place : Update::shadow});
  Sgd optimizer(parameters, {.lr = workloads.at(name).at("lr").get<float>()});
  BatchStep step(model, optimizer, data, {Loss::xent, args.batch, args.micro_batch});
  const auto samples = [&](std::size_t s) {
    std::vector<std::size_t> list(args.batch);
    for (std::size_t i = 0; i < args.batch; ++i) list[i] = (s * args.batch + i) % data.size();
    return list;
  };
  std::vector<double> losses;
  for (std::size_t s = 0; s < args.parity; ++s) losses.push_back(step(samples(s)));
  line["losses"] = losses;
  if (fs::exists(folder / "reference.json") && stem == name && !losses.empty()) {
    const nlohmann::json reference = read_json(folder / "reference.json");
    line.update(parity(reference, name, args, losses));
  }
  if (args.profile) {
    return profile(model, args, line, [&](std::size_t s) {
      line["losses"].push_back(step(samples(args.parity + s)));
    });
  }
  Times times;
  times.measure(args.steps, args.seconds, [&](std::size_t s) { step(samples(args.parity + s)); });
  line["step_ms_min"] = Times::least(times.wall);
  line["step_ms_median"] = Times::median(times.wall);
  line["step_cpu_ms_min"] = Times::least(times.cpu);
  line["step_cpu_ms_median"] = Times::median(times.cpu);
  line["micro_batch"] = step.micro_batch();
  line["hwm_train_mb"] = status_mb("VmHWM");
  bench_inference(model, data, args, line);
}

void bench(BenchArgs& args, const Common& common) {
  // the protocol's runner names workloads, not files: `--dir` says where they are
  if (!args.dir.empty() && !fs::exists(args.workload)) {
    args.workload = (fs::path(args.dir) / (args.workload + ".tflite")).string();
  }
  nlohmann::json line{
      {"engine", "hone"},          {"version", HONE_VERSION},
      {"batch", args.batch},       {"regime", args.regime},
      {"threads", common.threads}, {"workload", fs::path(args.workload).stem().string()}};
  Model model = Model::load(args.workload);
  line["rss_import_mb"] = status_mb("VmRSS");
  if (args.regime == "none")
    bench_forward(model, args, line);
  else
    bench_steps(model, args, line);
  if (args.profile && !common.json) return print_profile(std::cout, line["profile"]);
  std::cout << line.dump() << std::endl;
}

}  // namespace

void add_bench(CLI::App& root, Common& common) {
  const auto args = std::make_shared<BenchArgs>();
  CLI::App* sub = add(root, common, "bench", "times training steps: one line of JSON",
                      [&common, args] { bench(*args, common); });
  sub->add_option("WORKLOAD", args->workload,
                  "a .tflite file beside workloads.json; its name with --dir")
      ->required();
  sub->add_option("--data", args->data, "NPZ with x and y; WORKLOAD's _data.npz unless given");
  sub->add_option("--dir", args->dir, "folder of the workloads");
  sub->add_option("--batch", args->batch, "samples a step")
      ->check(whole(1, most_counted))
      ->capture_default_str();
  sub->add_option("--micro-batch", args->micro_batch, "samples at once; 0: chosen")
      ->check(whole(0, most_counted))
      ->capture_default_str();
  sub->add_option("--regime", args->regime,
                  "which weights: full, lastk, head, bias; none: forward only")
      ->check(CLI::IsMember({"full", "lastk", "head", "bias", "none"}))
      ->capture_default_str();
  sub->add_option("--update", args->update, "of quantized weights: shadow or in_place")
      ->check(CLI::IsMember({"shadow", "in_place"}))
      ->capture_default_str();
  sub->add_option("--steps", args->steps, "timed steps; 0: by time")
      ->check(whole(0, most_counted))
      ->capture_default_str();
  sub->add_option("--seconds", args->seconds, "of processor time for the timed steps")
      ->check(above_zero())
      ->capture_default_str();
  sub->add_flag("--profile", args->profile,
                "a table of the operators' times instead; with --json in the line");
  sub->add_option("--peak", args->peak,
                  "1e9 operations a second of one thread, for --profile; measured unless given")
      ->check(above_zero());
  sub->add_option("--parity", args->parity, "steps before the timed ones, whose losses are shown")
      ->check(whole(0, most_counted))
      ->capture_default_str();
}
}  // namespace hone::cli
