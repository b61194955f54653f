#pragma once
/// Optimizers.  `optimizer.step()` moves parameters against their gradients and consumes these.
///
///     hone::Momentum optimizer(model.trainable(hone::all()), {.lr = 0.01f});
///     hone::Adam two_groups(body, {.lr = 1e-4f}, {.schedule = hone::Schedule::cosine(500)});
///     two_groups.add(head, {.lr = 1e-3f});

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/parameter.h>

namespace hone {

/// The learning rate of step 0, 1, 2, ... as a factor of each group's `lr`.
class Schedule {
 public:
  Schedule() : Schedule([](std::uint64_t) { return 1.0; }) {}  ///< constant 1
  /// A schedule of the user's: step -> factor.
  explicit Schedule(std::function<double(std::uint64_t)> factor) : factor_(std::move(factor)) {}

  static Schedule constant(double factor = 1);
  /// `factor` to the power of (step / every), rounded down.  Throws Error: every is 0.
  static Schedule step(std::uint64_t every, double factor = 0.1);
  /// From 1 down to `floor` over `steps` steps along half a cosine, then `floor`.  Loshchilov and
  /// Hutter (2017), equation 5, without restarts.  Throws Error: steps is 0.
  static Schedule cosine(std::uint64_t steps, double floor = 0);
  /// Linearly from `from` up to 1 over `steps` steps, then 1.  Throws Error: steps is 0.
  static Schedule warm_up(std::uint64_t steps, double from = 0.1);

  double operator()(std::uint64_t step) const { return factor_(step); }
  /// This one for `steps` steps, then `next` from its own beginning.
  Schedule then(std::uint64_t steps, Schedule next) const;
  /// The product of both factors: `warm_up(10) * cosine(500)`.
  friend Schedule operator*(const Schedule& a, const Schedule& b);

 private:
  std::function<double(std::uint64_t)> factor_;
};

/// What all groups of an optimizer share.
struct StepOptions {
  Schedule schedule = {};
  /// Gradients are clamped to [-clip_value, clip_value] first; 0: not.
  float clip_value = 0;
  /// Then all of them together are scaled down to this 2-norm, by clip_norm / (norm + 1e-6) where
  /// that is below 1; 0: not.  Pascanu et al. (2013), algorithm 1, in PyTorch's form.  Costs one
  /// more pass over the gradients.
  float clip_norm = 0;
  std::uint64_t seed = 0;                       ///< of stochastic rounding
  std::pmr::memory_resource* memory = nullptr;  ///< of the slots; null: where their parameter is
};

/// One step of one group.
struct StepInfo {
  float lr = 0;            ///< after the schedule
  std::uint64_t step = 1;  ///< the first is 1
};

/// What an optimizer remembers for the elements at hand: one span a slot.
using SlotSpans = std::span<const std::span<float>>;

class Optimizer;

/// The rule of an optimizer, pure: tiles of weights and gradients in real units, its options, its
/// slots.
struct UpdateRule {
  std::string_view name;                    ///< "adam"
  std::span<const std::string_view> slots;  ///< float32 values that it remembers for each element
  /// The base adds weight_decay * w to the gradient (L2); false: the rule decays the weights
  /// itself.
  bool couples_decay = true;
  void (*check)(const void* options) = nullptr;  ///< throws Error: options out of range
  void (*update)(const void* options, StepInfo info, std::span<float> w, std::span<const float> g,
                 SlotSpans slots) noexcept = nullptr;
  float lr = 0, in_place_lr = 0;  ///< recommended; see recommended_lr
  std::unique_ptr<Optimizer> (*make)(const Parameters& parameters, float lr,
                                     const StepOptions& step) = nullptr;
};

// Every rule works in real units with either kind of update; the defaults are for float32 and
// `shadow`, what to start from with `in_place` is in recommended_lr().

/// w -= lr * g.
struct SgdOptions {
  float lr = 0.01f;
  float weight_decay = 0;  ///< adds weight_decay * w to g
  static const UpdateRule& rule() noexcept;
};

/// v = momentum * v + g;  w -= lr * v.  Polyak (1964), in PyTorch's form: lr outside the velocity.
/// One slot.
struct MomentumOptions {
  float lr = 0.01f;
  float momentum = 0.9f;   ///< in [0, 1)
  float weight_decay = 0;  ///< adds weight_decay * w to g
  static const UpdateRule& rule() noexcept;
};

/// v = momentum * v + g;  w -= lr * (g + momentum * v).  Nesterov (1983), in the form of Sutskever
/// et al. (2013) and PyTorch.  One slot.
struct NesterovOptions {
  float lr = 0.01f;
  float momentum = 0.9f;   ///< in [0, 1)
  float weight_decay = 0;  ///< adds weight_decay * w to g
  static const UpdateRule& rule() noexcept;
};

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
/// w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).  Kingma and Ba (2015),
/// algorithm 1. Two slots; t counts the steps of the optimizer.
struct AdamOptions {
  float lr = 0.001f;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;              ///< above 0
  float weight_decay = 0;             ///< adds weight_decay * w to g
  static const UpdateRule& rule() noexcept;
};

/// Adam, with the decay apart from the gradient: w -= lr * weight_decay * w first.  Loshchilov and
/// Hutter (2019), algorithm 2, in PyTorch's form: the decay is scaled by lr.  Two slots.
struct AdamWOptions {
  float lr = 0.001f;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;              ///< above 0
  float weight_decay = 0.01f;
  static const UpdateRule& rule() noexcept;
};

/// v = alpha v + (1 - alpha) g^2;  b = momentum * b + g / (sqrt(v) + epsilon);  w -= lr * b.
/// Tieleman and Hinton (2012), in PyTorch's form.  Two slots.
struct RmspropOptions {
  float lr = 0.001f;
  double alpha = 0.99;     ///< in [0, 1)
  double epsilon = 1e-8;   ///< above 0
  float momentum = 0;      ///< in [0, 1)
  float weight_decay = 0;  ///< adds weight_decay * w to g
  static const UpdateRule& rule() noexcept;
};

/// What every optimizer does: groups, slots, clipping, decay, schedule, steps, checkpoints.
/// Slots are allocated when parameters are added, so a step that has begun cannot fail.
class Optimizer {
 public:
  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Moves every parameter that has a gradient, commits it, and consumes the gradients.
  /// Throws Error, with nothing moved: no parameter has a gradient; the gradient of an integer or
  /// float16 parameter is not finite.
  void step();
  /// backward() of `loss`, seeded with `seed`, and step() in one: each gradient is consumed as soon
  /// as it is complete, so that not all of them are in memory at once.  The same bits as one after
  /// the other.  Throws Error: clip_norm, which needs all gradients; what backward() throws, with
  /// nothing moved; a gradient of an integer or float16 parameter that is not finite, and then
  /// parameters nearer to the loss may have moved.
  void step(const Variable& loss, const Tensor& seed = {});
  bool can_fuse() const noexcept { return options_.clip_norm == 0; }
  /// Steps done.
  std::uint64_t steps() const noexcept { return steps_; }
  /// Of the first group, at the next step.
  float lr() const;
  /// The 2-norm of all gradients at the last step, after clip_value; 0 where clip_norm is off.
  double gradient_norm() const noexcept { return gradient_norm_; }

  std::string_view name() const noexcept { return rule_->name; }
  Parameters parameters() const;
  std::size_t slot_bytes() const noexcept;

  /// Everything that the next steps depend on: step count, slots, the parameters' data, scales and
  /// masters.  Options are not in it.
  std::vector<std::byte> state() const;
  /// Throws Error, with nothing changed: bytes of another optimizer, of other parameters, or
  /// damaged.
  void restore(std::span<const std::byte> state);

 protected:
  Optimizer(const UpdateRule& rule, StepOptions options);
  void add_group(const Parameters& parameters, float lr, float weight_decay,
                 std::shared_ptr<const void> options);

 private:
  struct Group {
    float lr = 0, weight_decay = 0;
    std::shared_ptr<const void> options;
  };
  struct Entry {
    std::shared_ptr<Parameter> parameter;
    std::size_t group = 0;
    std::vector<Tensor> slots;
    Tensor grad;  // while a step runs
  };
  struct Saved;

  class Fused;

  void take_gradients();
  double norm_factor();
  void move(Entry& entry, std::size_t at, std::span<const float> gradients, const StepInfo& info,
            float factor, std::uint64_t key) noexcept;
  Saved parsed(std::span<const std::byte> state) const;

  const UpdateRule* rule_;
  StepOptions options_;
  std::vector<Group> groups_;
  std::vector<Entry> entries_;
  std::uint64_t steps_ = 0;
  double gradient_norm_ = 0;
};

/// The optimizer with these options.
template <class Options>
class OptimizerWith final : public Optimizer {
 public:
  using Choice = Options;

  /// Throws Error: options out of range, no parameter, one of them twice.
  explicit OptimizerWith(const Parameters& parameters, const Options& options = {},
                         const StepOptions& step = {})
      : Optimizer(Options::rule(), step) {
    add(parameters, options);
  }
  /// Another group, with options of its own.
  void add(const Parameters& parameters, const Options& options) {
    add_group(parameters, options.lr, options.weight_decay,
              std::make_shared<const Options>(options));
  }
};

using Sgd = OptimizerWith<SgdOptions>;
using Momentum = OptimizerWith<MomentumOptions>;
using Nesterov = OptimizerWith<NesterovOptions>;
using Adam = OptimizerWith<AdamOptions>;
using AdamW = OptimizerWith<AdamWOptions>;
using Rmsprop = OptimizerWith<RmspropOptions>;

/// The `lr` to start from: the default of the optimizer's options, but for momentum and Nesterov
/// with `in_place` 0.005 (with momentum 0.9 larger ones run into the ends of the integers).  Found
/// on a convolutional activity recogniser with 110 to 220 steps of batch 16; docs/accuracy.md has
/// what Adam reaches there.  Throws Error for an unknown name.
float recommended_lr(std::string_view optimizer, Update update);
/// An optimizer by its name in lower case: `sgd momentum nesterov adam adamw rmsprop`, with default
/// options but lr (0: the recommended one, of the first parameter's update kind).  Throws Error for
/// an unknown name.
std::unique_ptr<Optimizer> make_optimizer(std::string_view name, const Parameters& parameters,
                                          float lr = 0, const StepOptions& step = {});
std::vector<std::string_view> optimizer_names();

}  // namespace hone
