#include <charconv>
#include <iostream>
#include <limits>
#include <optional>
#include <sstream>

#include <hone/threads.h>

#include "src/cli/command.h"
#include "src/data/text.h"

namespace hone::cli {

CLI::App* add(CLI::App& root, Common& common, const std::string& name, const std::string& help,
              std::function<void()> body) {
  CLI::App* sub = root.add_subcommand(name, help);
  sub->add_flag("--json", common.json, "one JSON document on standard output");
  sub->add_option("--threads", common.threads, "threads of the kernels")
      ->check(whole(1, 256))
      ->capture_default_str();
  sub->add_option("--seed", common.seed, "of every random choice")
      ->check(whole(0, std::numeric_limits<std::int64_t>::max()))
      ->capture_default_str();
  sub->final_callback([&common, body = std::move(body)] {
    set_threads(common.threads);
    body();
  });
  return sub;
}

CLI::Validator whole(std::uint64_t least, std::uint64_t most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stop == end && value >= least && value <= most) return {};
    std::ostringstream told;
    told << "expected a whole number from " << least << " to " << most << ", got \""
         << escaped(text) << '"';
    return told.str();
  };
  return CLI::Validator(check, "");
}

CLI::Validator above_zero() {
  const auto check = [](const std::string& text) -> std::string {
    const std::optional<float> value = parse_float(text);
    if (value && *value > 0) return {};
    return "expected a number above 0, got \"" + escaped(text) + '"';
  };
  return CLI::Validator(check, "");
}

void print(const nlohmann::json& document) {
  // names come from files: what is not UTF-8 is replaced, not a reason to fail
  std::cout << document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  if (!std::cout)
    fail(ErrorKind::file, "standard output", "expected to write the result, the stream refuses");
}

namespace {

bool is_command(CLI::App& root, const std::string& name) {
  return !root.get_subcommands([&](const CLI::App* sub) { return sub->check_name(name); }).empty();
}

int refused(std::string_view why) {
  std::cerr << "hone: " << why << std::endl;
  return 1;
}

int run(int argc, char** argv) {
  CLI::App root("Fine-tunes TensorFlow Lite models on the device that they run on.", "hone");
  root.require_subcommand(1);
  root.footer(
      "hone COMMAND --help tells the options. For example:\n"
      "  hone info model.tflite\n"
      "  hone train model.tflite --data recordings --sidecar model.json --split 0.2 -o "
      "tuned.tflite\n"
      "  hone eval tuned.tflite --data other_recordings");
  root.set_version_flag("--version", HONE_VERSION);
  Common common;
  add_info(root, common);
  add_copy(root, common);
  add_run(root, common);
  add_grad(root, common);
  add_train(root, common);
  add_eval(root, common);
  add_plan(root, common);
  add_graph(root, common);
  add_diff(root, common);
  add_bench(root, common);
  try {
    if (argc > 1 && argv[1][0] != '-' && !is_command(root, argv[1])) {
      throw CLI::ValidationError("hone", "expected a command, got \"" + escaped(argv[1]) + '"');
    }
    root.parse(argc, argv);
    if (!std::cout.flush()) {
      fail(ErrorKind::file, "standard output", "expected to write the result, the stream refuses");
    }
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? 0 : 2;
  } catch (const std::bad_alloc&) {
    return refused("[memory] expected more of it than there is");
  } catch (const std::exception& error) {
    return refused(error.what());
  }
  return 0;
}

}  // namespace
}  // namespace hone::cli

int main(int argc, char** argv) { return hone::cli::run(argc, argv); }
