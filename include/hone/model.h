#pragma once
/// A model file that runs, learns and is written back.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hone/parameter.h>
#include <hone/variable.h>

namespace hone {

namespace model {
struct State;
}
class ModelMemory;

/// Which weights train: `all`, `head`, `bias`, `last:N` (operators with weights), `bias:N` (the
/// biases of these), a name pattern with `*`, a tensor list `#3,#7`, or a comma-separated union of
/// these.
struct Selector {
  std::string text;
};
Selector all();
Selector head();                       ///< the last operator with weights
Selector last(std::size_t operators);  ///< the last N of them
Selector biases();
Selector matching(
    std::string_view pattern);  ///< tensors or operators by name; `*` stands for any text

/// One operator of the main subgraph, for people.
class Operator {
 public:
  std::size_t index() const noexcept { return index_; }
  const std::string& type() const noexcept {
    return type_;
  }  ///< "CONV_2D"; the custom code of a custom one
  const std::string& label() const noexcept { return label_; }  ///< name of its first output
  /// It holds weights, and gradients can reach them from the model's outputs.
  bool trainable() const noexcept { return why_not_.empty(); }
  const std::string& why_not_trainable() const noexcept { return why_not_; }
  std::vector<std::int32_t> inputs, outputs;  ///< tensors; -1: left out

 private:
  friend struct model::State;
  friend class Model;
  std::size_t index_ = 0;
  std::string type_, label_, why_not_;
};

/// A tensor of the file.
struct ModelTensor {
  std::int32_t index = 0;
  std::string name;
  TensorType type;
  bool constant = false;
  std::vector<std::int64_t> shape_signature;  ///< -1: that dimension may vary
};

struct Signature {
  std::string key;
  std::vector<std::pair<std::string, std::int32_t>> inputs, outputs;  ///< name, tensor
};

struct ModelOptions {
  std::pmr::memory_resource* memory = default_memory();
  std::vector<const OpDef*> custom_ops = {};  ///< found by their name
  /// Weights in the order of the kernels, kept from call to call; false: made anew by every call,
  /// which is slower and needs less memory.
  bool keep_packed_weights = true;
  std::size_t max_activation_bytes = std::size_t{1}
                                     << 32;  ///< a file that asks for more in one tensor is refused
};

struct TrainOptions {
  Update update = Update::shadow;
  Scales scales = Scales::keep;  ///< of quantized weights; see Parameter
};

/// Output 0 of a model, and what logits() gives.
struct Evaluated {
  Variable output, logits;
};

/// Belongs to one thread at a time.
class Model {
 public:
  /// Reads and verifies.  A file with operators that hone cannot run still loads: it can be shown
  /// and copied. Throws Error (file) where the file is broken, missing or unreadable.
  static Model load(const std::string& path, const ModelOptions& options = {});
  static Model load(std::span<const std::byte> bytes, const ModelOptions& options = {});
  Model(Model&& other) noexcept;
  Model& operator=(Model&& other) noexcept;
  ~Model();

  std::string kind() const;  ///< float32, float16, dynamic-range, int8, uint8, int16x8, or what
                             ///< else the weights are
  std::span<const Operator> operators() const noexcept;
  std::span<const Signature> signatures() const noexcept;
  std::vector<ModelTensor> tensors() const;  ///< of the main subgraph
  std::vector<ModelTensor> inputs() const;
  std::vector<ModelTensor> outputs() const;
  std::size_t file_bytes() const noexcept;

  /// Runs the main subgraph; inputs and outputs in the file's order.  float32 inputs are quantized
  /// where the file wants integers.  The first dimension may be any multiple of the file's where
  /// can_batch() holds. Throws Error: shapes, types, an operator that cannot run.
  Variables run(std::span<const Variable> inputs);
  /// One input, first output.
  Variable operator()(Variable x);
  /// Output 0 without a final SOFTMAX or LOGISTIC: what a loss should see.
  Variable logits(std::span<const Variable> inputs);
  Variable logits(Variable x);
  /// Output 0 and its logits, of one run.
  Evaluated evaluate(Variable x);
  /// Every tensor of the main subgraph that the last run computed, by tensor; absent where none.
  std::vector<Tensor> last_values() const;
  void keep_values(bool keep);  ///< for last_values

  /// Whether the file computes samples independently along the first dimension, so that `batch` of
  /// them may go through at once.  Proved by inferring every shape; a constant RESHAPE that holds
  /// the 1 is seen through.
  bool can_batch(std::size_t batch);

  /// Opens the weights that `selector` names for training and returns them, in file order.
  /// Throws Error where it names nothing, or something that gradients cannot reach.
  Parameters trainable(const Selector& selector, const TrainOptions& options = {});
  /// Makes every weight a constant again, with its present values.
  void freeze();
  /// Every float-valued constant of the file as a leaf with a gradient, for `hone grad`; (tensor,
  /// value).
  std::vector<std::pair<std::int32_t, Variable>> open_constants();

  /// Operators of which backward computes the outputs again instead of keeping them, in place of
  /// those chosen before: less memory, more time, the same bits.  See choose_recomputed().
  /// Throws Error (argument): an index that no operator has.
  void recompute(const std::vector<std::size_t>& operators);
  std::vector<std::size_t> recomputed() const;

  /// The cut: values that cross from frozen operators to live ones, for one batch; and the rest of
  /// the model from there, which moves from them.
  Variables run_frozen(Variable x);
  Variable run_live(std::span<Variable> cut, std::size_t samples,
                    bool logits = true);  ///< output 0 or its logits
  bool has_frozen_part();                 ///< there are operators before the cut
  /// Bytes of activations that one sample has in memory at most: about what a step keeps.
  std::size_t activation_bytes();

  /// The engine's: where it keeps its values; the file loaded once more, into other memory.
  ModelMemory& memory() const noexcept;
  bool keeps_packed_weights() const noexcept;
  /// But for custom ops, limits and what is recomputed.
  Model twin(const ModelOptions& options) const;
  /// The engine's: input 0 in the element type of the file, as the calls above take it, in a step's
  /// memory.
  Variable fitted(const Variable& x) const;
  /// The engine's: leaves with the very values of those parameters, of a twin, where their weights
  /// are; fewer where one of them is not a tensor of its own.
  std::vector<Variable> share(const Parameters& parameters);

  std::optional<std::vector<std::byte>> metadata(std::string_view name) const;
  void set_metadata(std::string_view name, std::vector<std::byte> value);

  /// The file with the present weights.  Without training and new metadata: the very bytes that
  /// were loaded.
  std::vector<std::byte> bytes() const;
  /// The same, written atomically; the old file stays where anything fails.
  void save(const std::string& path) const;

 private:
  explicit Model(std::unique_ptr<model::State> state);
  std::unique_ptr<model::State> state_;
};

}  // namespace hone
