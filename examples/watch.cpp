// A watch moves to a person and a wrist that its model has never seen, and learns them.
//
//     watch RECORDINGS MODEL.tflite OUT.tflite [in_place]
//
// The first 30 % of every recording tunes, what comes after 34 % tests.
#include <hone/hone.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

std::vector<char> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t bytes_changed(const std::string& a, const std::string& b) {
  const std::vector<char> x = bytes_of(a), y = bytes_of(b);
  std::size_t n = x.size() > y.size() ? x.size() - y.size() : y.size() - x.size();
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) n += x[i] != y[i];
  return n;
}

void run(const std::string& recordings, const std::string& path, const std::string& out,
         hone::Update update) {
  const hone::Sidecar about =
      hone::read_sidecar(std::filesystem::path(path).replace_filename("har_watch_right.json"));
  // the folder has both wrists; those of the left one are the new ones
  const hone::Dataset both = hone::csv(recordings, {.length = about.window,
                                                    .stride = about.stride,
                                                    .classes = about.labels,
                                                    .columns = about.columns});
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < both.size(); ++i) {
    if (both.recordings()[both.origin(i).recording].find("_left_") != std::string::npos)
      left.push_back(i);
  }
  const auto [mine, held_out] =
      both.subset(left).normalized(*about.normalization).split_by_time(0.3);

  hone::Model model = hone::Model::load(path);
  hone::Adam optimizer(model.trainable(hone::all(), {.update = update}),
                       {.lr = hone::recommended_lr("adam", update)});
  std::printf("%zu windows tune, %zu test; %s model of %zu bytes\n", mine.size(), held_out.size(),
              model.kind().c_str(), model.file_bytes());
  hone::FitOptions options{.epochs = 20, .batch = 16, .held_out = &held_out};
  options.on_step = [](const hone::Progress& p) {
    if (p.step % (p.steps / p.epochs) == 0) {
      std::printf("epoch %2zu/%zu  loss %.4f\n", p.epoch, p.epochs, p.loss);
      std::fflush(stdout);
    }
  };
  const hone::Report report = hone::fit(model, optimizer, mine, options);
  hone::remember(model, mine);
  model.save(out);

  hone::Model written = hone::Model::load(out);
  const hone::Metrics after = hone::evaluate(written, held_out);
  std::printf("\n%-16s %10s %10s\n", "", "before", "after");
  std::printf("%-16s %10.3f %10.3f\n", "accuracy", *report.before->accuracy, *after.accuracy);
  std::printf("%-16s %10.3f %10.3f\n", "loss", report.before->loss, after.loss);
  std::printf("%-16s %10.2f ms (median of %zu)\n", "time per step", report.step_ms_median,
              report.steps);
  std::printf("%-16s %10.1f KB\n", "peak memory", static_cast<double>(report.peak_bytes) / 1024);
  std::printf("%-16s %10zu of %zu\n", "bytes changed", bytes_changed(path, out),
              bytes_of(out).size());
  std::printf("\nwritten: %s\n\nIn the stock interpreter:\n", out.c_str());
  std::printf("  from ai_edge_litert.interpreter import Interpreter\n");
  std::printf("  interpreter = Interpreter(\"%s\"); interpreter.allocate_tensors()\n", out.c_str());
  std::printf(
      "  interpreter.set_tensor(interpreter.get_input_details()[0][\"index\"], window); "
      "interpreter.invoke()\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: watch RECORDINGS MODEL.tflite OUT.tflite [in_place]\n";
    return 2;
  }
  try {
    const bool in_place = argc > 4 && std::string(argv[4]) == "in_place";
    run(argv[1], argv[2], argv[3], in_place ? hone::Update::in_place : hone::Update::shadow);
  } catch (const hone::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
