#include <memory>

#include "src/cli/command.h"

namespace hone::cli {

void add_copy(CLI::App& root, Common& common) {
  struct Args {
    std::string model, out;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* sub =
      add(root, common, "copy", "load, verify and save: the same bytes", [&common, args] {
        const Model model = Model::load(args->model);
        model.save(args->out);
        if (common.json) print({{"out", args->out}, {"bytes", model.file_bytes()}});
      });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  sub->add_option("-o,--output", args->out, "the file to write")->required();
}

}  // namespace hone::cli
