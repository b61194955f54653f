#pragma once
/// What a Model is made of.

#include <map>
#include <string>
#include <vector>

#include "src/model/executor.h"

namespace hone::model {

struct State {
  State(file::ModelFile loaded, const ModelOptions& chosen);

  ModelMemory::Owner memory;  // first: the last to go
  file::ModelFile file;
  ModelOptions options;  // its memory: what the model keeps
  Graph graph;
  Executor executor;
  std::vector<Weight> weights;
  std::vector<Operator> operators;
  std::vector<Signature> signatures;
  /// Opened for training, one entry an input that is fed: tied weights share one Parameter.
  struct Open {
    Weight weight;
    std::shared_ptr<Parameter> parameter;
    bool training = true;  // false: frozen again, the values stay
  };
  std::vector<Open> open;
  std::map<std::string, std::vector<std::byte>, std::less<>> new_metadata;
  std::optional<bool>
      batches;  // whether more samples than the file's may go through at once, once known

  const file::Subgraph& main() const { return file.subgraphs[0]; }
  bool can_batch();
  std::int32_t logits_tensor() const;  ///< output 0, or the input of a final SOFTMAX or LOGISTIC
  /// Samples for the file's batch of `x`.  Throws Error where the shape cannot be.
  std::int64_t factor(std::span<const Variable> inputs) const;
  /// `x` in the type that input i of the file wants.
  Variable fitted(const Variable& x, std::size_t i, std::pmr::memory_resource* to) const;
};

}  // namespace hone::model
