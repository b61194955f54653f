#pragma once
/// The `hone` command: what its subcommands share.

#include <cstdint>
#include <string>
#include <vector>

#include <hone/model.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "src/data/npz.h"

namespace hone::cli {

/// Options that every subcommand has.
struct Common {
  bool json = false;
  std::size_t threads = 1;
  std::uint64_t seed = 0;
};

/// A subcommand with those options.  `body` runs once they are parsed, threads set; what it throws
/// becomes exit code 1.
CLI::App* add(CLI::App& root, Common& common, const std::string& name, const std::string& help,
              std::function<void()> body);

void add_info(CLI::App& root, Common& common);
void add_copy(CLI::App& root, Common& common);
void add_run(CLI::App& root, Common& common);
void add_grad(CLI::App& root, Common& common);
void add_train(CLI::App& root, Common& common);
void add_eval(CLI::App& root, Common& common);
void add_plan(CLI::App& root, Common& common);
void add_graph(CLI::App& root, Common& common);
void add_diff(CLI::App& root, Common& common);
void add_bench(CLI::App& root, Common& common);

/// Checks of an option: a whole number, or a number above 0; usage errors (exit code 2) otherwise.
CLI::Validator whole(std::uint64_t least, std::uint64_t most);
CLI::Validator above_zero();

/// Samples, steps, epochs: more are a slip of the hand.
constexpr std::uint64_t most_counted = 1'000'000'000;

/// One JSON document on standard output.
void print(const nlohmann::json& document);

/// The inputs of a model from `in_0`, `in_1`, ... or the names of inputs (of the signature, or of
/// the tensors), each with `suffix`.  Empty where no key has that suffix.  Throws Error where some
/// are missing.
std::vector<Variable> inputs_from(const Model& model, const Arrays& arrays,
                                  const std::string& suffix, Grad grad);

/// What --train names: a selector; or the union of those in a file, `@scheme.txt`, one a line,
/// where lines that begin with `;` are comments.  Throws Error (file): it cannot be read, or names
/// nothing.
Selector selector(const std::string& text);

/// Operators by number, as in `#3,#5`; those signs may be left out.  Throws Error (argument).
std::vector<std::size_t> operators_in(const std::string& text);

}  // namespace hone::cli
