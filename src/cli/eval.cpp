#include <iostream>
#include <memory>

#include <hone/train.h>

#include "src/cli/dataset.h"
#include "src/cli/metrics.h"

namespace hone::cli {

nlohmann::json metrics_json(const Metrics& m) {
  nlohmann::json j{{"loss", m.loss}, {"n", m.n}, {"accuracy", nullptr}};
  if (m.accuracy) j["accuracy"] = *m.accuracy;
  return j;
}

Loss loss_named(const std::string& name) {
  if (name == "xent") return Loss::xent;
  if (name == "bce") return Loss::bce;
  if (name == "mse") return Loss::mse;
  if (name == "huber") return Loss::huber;
  return Loss::mae;
}

namespace {

void print_text(const Metrics& m, const std::vector<std::string>& classes) {
  std::cout << "samples   " << m.n << "\nloss      " << m.loss << '\n';
  if (!m.accuracy) return;
  std::cout << "accuracy  " << *m.accuracy << "\n\nconfusion (rows: label, columns: predicted)\n";
  for (std::size_t r = 0; r < m.confusion.size(); ++r) {
    for (const std::size_t n : m.confusion[r])
      std::cout << std::string(6 - std::min<std::size_t>(5, std::to_string(n).size()), ' ') << n;
    std::cout << "  " << (r < classes.size() ? escaped(classes[r]) : std::to_string(r)) << '\n';
  }
}

}  // namespace

void add_eval(CLI::App& root, Common& common) {
  struct Args {
    std::string model, loss = "xent";
    DataArgs data;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* sub =
      add(root, common, "eval", "loss, accuracy and confusion on data", [&common, args] {
        Model model = Model::load(args->model);
        const Dataset data = open_data(model, args->data, args->data.path);
        const Loss loss = loss_named(args->loss);
        check_targets(model, data, loss, 1, args->data.path);
        const Metrics m = evaluate(model, data, loss);
        if (common.json) {
          nlohmann::json j = metrics_json(m);
          j["confusion"] = m.confusion;
          print(j);
        } else {
          print_text(m, data.classes());
        }
      });
  sub->add_option("MODEL", args->model, "a .tflite file")->required();
  add_options(*sub, args->data);
  sub->add_option("--loss", args->loss, "xent, bce, mse, huber, mae")
      ->check(CLI::IsMember({"xent", "bce", "mse", "huber", "mae"}))
      ->capture_default_str();
}

}  // namespace hone::cli
