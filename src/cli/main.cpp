#include <csignal>
#include <cstdio>
#include <iostream>

#include <hone/threads.h>

#include "src/cli/command.h"

namespace hone::cli {

CLI::App* add(CLI::App& root, Common& common, const std::string& name, const std::string& help,
              std::function<void()> body) {
  CLI::App* sub = root.add_subcommand(name, help);
  sub->add_flag("--json", common.json, "one JSON document on standard output");
  sub->add_option("--threads", common.threads, "threads of the kernels")->capture_default_str();
  sub->add_option("--seed", common.seed, "of every random choice")->capture_default_str();
  sub->final_callback([&common, body = std::move(body)] {
    set_threads(common.threads);
    body();
  });
  return sub;
}

void print(const nlohmann::json& document) {
  // names come from files: what is not UTF-8 is replaced, not a reason to fail
  std::cout << document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  if (!std::cout) fail(ErrorKind::file, "standard output", "expected to write the result, the stream refuses");
}

namespace {

int run(int argc, char** argv) {
  CLI::App root("Fine-tunes TensorFlow Lite models on the device that they run on.", "hone");
  root.require_subcommand(1);
  root.set_version_flag("--version", HONE_VERSION);
  Common common;
  add_info(root, common);
  add_copy(root, common);
  add_run(root, common);
  add_grad(root, common);
  add_train(root, common);
  add_eval(root, common);
  add_graph(root, common);
  add_diff(root, common);
  add_bench(root, common);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    std::cerr << "hone: " << error.what() << std::endl;
    return 1;
  } catch (const std::bad_alloc&) {
    std::cerr << "hone: [memory] expected more of it than there is" << std::endl;
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace hone::cli

int main(int argc, char** argv) { return hone::cli::run(argc, argv); }
