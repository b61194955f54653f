#pragma once
/// What an optimizer moves: weights and biases, float or integer.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hone/variable.h>

namespace hone {

/// How a parameter that is not float32 is moved.
enum class Update : std::uint8_t {
  /// A float32 master moves; its rounded copy is what forward sees.  Costs 4 bytes an element.
  shadow,
  /// No master: the stored values themselves move and are rounded stochastically.
  in_place,
};

/// What happens to the scales of an integer weight when its values have moved.
enum class Scales : std::uint8_t {
  keep,  ///< values saturate at the ends of the range that the file gave them
  /// max |w| / 127 again after every step, per axis or per tensor as in the file; shadow updates
  /// only
  refresh,
};

struct ParameterOptions {
  Update update = Update::shadow;
  Scales scales = Scales::keep;
  /// No gradient and no master: an integer bias that only follows the scale of its weight.
  bool frozen = false;
  std::pmr::memory_resource* memory = default_memory();
};

/// A trained constant of a file.  float32 values are moved as they are; float16 and integers as
/// `update` says.
///
/// Integers: q = clamp(round_half_away(w / scale) + zero_point), where the range is [-127, 127] in
/// int8, [-7, 7] in int4 and [-(2^31 - 1), 2^31 - 1] in int32: never the lowest value of a signed
/// type.  float16 is rounded to nearest even and saturates at 65504.
///
/// in_place is quantization-aware scaling (Lin et al. 2022, arXiv 2206.15472, equation 3).  There
/// the weight of the graph is the integer W = w / s, its gradient is s times dL/dw, and the paper
/// multiplies it by s^-2 so that it keeps the ratio to the weight that it has in float:
///
///     W' = W - lr s^-2 (s dL/dw) = W - lr (dL/dw) / s,  that is  s W' = w - lr dL/dw
///
/// So every update rule runs in real units, on tiles of w = s q, and only the way back differs:
/// q' = floor(q + (w' - w) / s + u), u uniform in [0, 1), whose mean is the unrounded value.  A
/// weight that the rule leaves alone keeps its integer.
class Parameter {
 public:
  /// Where it stands in the file; -1: nowhere.
  struct Place {
    std::int32_t subgraph = 0, tensor = -1;
  };

  /// A copy of `data`.  Throws Error: a type without gradient; in_place with refreshed scales.
  explicit Parameter(const Tensor& data, std::string name = {}, Place place = {0, -1},
                     const ParameterOptions& options = {});
  ~Parameter();
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  /// This is the bias of `weight`: from now on its scale is input_scale times that of the weight,
  /// per axis where the weight's is, and its integers are scaled anew whenever that of the weight
  /// moves. Throws Error unless both are integers and there is one element a channel.
  void follow(std::shared_ptr<Parameter> weight, float input_scale);

  const std::string& name() const noexcept { return name_; }
  Place place() const noexcept { return place_; }
  Update update() const noexcept { return update_; }
  Scales scales() const noexcept { return scales_; }
  bool follows() const noexcept { return weight_ != nullptr; }
  std::pmr::memory_resource* memory() const noexcept { return memory_; }
  std::size_t numel() const noexcept { return variable_.data().numel(); }
  /// The present leaf, to be asked for before every forward: its type changes with its scales.
  const Variable& variable() const noexcept { return variable_; }
  const Tensor& tensor() const noexcept { return variable_.data(); }
  /// float32 in real units; absent until a backward has reached it.
  Tensor grad() const { return variable_.grad(); }
  void clear_grad() noexcept { variable_.clear_grad(); }
  /// The float32 master; absent where there is none.
  const Tensor& master() const noexcept { return master_; }
  /// Bytes that training adds to the file's: the master.
  std::size_t master_bytes() const noexcept { return master_.bytes(); }

  /// Values in real units, from element `begin` on: of the master where there is one.
  void read(std::size_t begin, std::span<float> values) const noexcept;
  /// All values in real units, rounded to nearest; followed by commit().  values: numel() finite
  /// floats.
  void assign(std::span<const float> values);

  // For optimizers.

  /// All values where they may be moved as floats: the master, or float32 data.  Else empty.
  std::span<float> floats() noexcept;
  /// The elements from `begin` on were `before` and shall be `after`: rounds stochastically, with
  /// the bits of noise(key, element).  Where floats() is empty.
  void move(std::size_t begin, std::span<const float> before, std::span<const float> after,
            std::uint64_t key) noexcept;
  /// Rounds the master into the data, moves the scales where asked, and tells the graph that the
  /// values have moved.
  void commit();
  /// Data (of the same shape and dtype) and master as they were saved, bit for bit.
  void restore(const Tensor& data, std::span<const float> master);

 private:
  void round_master() noexcept;
  void refresh_scales();
  void weight_scaled();

  std::string name_;
  std::pmr::memory_resource* memory_;  // of the values and their gradient
  Place place_;
  Update update_;
  Scales scales_;
  bool frozen_;
  Variable variable_;
  Tensor data_, master_;
  Tensor file_data_;                   // of a frozen bias: what it is scaled from
  std::shared_ptr<Parameter> weight_;  // whose bias this is
  float input_scale_ = 0;
  std::vector<Parameter*> biases_;  // they unregister themselves
};

/// One parameter's stretch of Parameters::get().
struct ParameterLayout {
  std::string name;
  Parameter::Place place;
  Shape shape;
  std::size_t offset = 0, count = 0;
};

/// A list of parameters; copies share them.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::vector<std::shared_ptr<Parameter>> list) : list_(std::move(list)) {}

  std::size_t size() const noexcept { return list_.size(); }
  bool empty() const noexcept { return list_.empty(); }
  Parameter& operator[](std::size_t i) const noexcept { return *list_[i]; }
  auto begin() const noexcept { return list_.begin(); }
  auto end() const noexcept { return list_.end(); }

  /// Those for which keep(parameter) holds: groups with options of their own.
  template <class F>
  Parameters where(F&& keep) const {
    Parameters some;
    for (const auto& p : list_) {
      if (keep(static_cast<const Parameter&>(*p))) some.list_.push_back(p);
    }
    return some;
  }

  std::size_t numel() const noexcept;
  std::size_t master_bytes() const noexcept;
  /// All values as floats in real units, one parameter after the other as layout() says; of the
  /// masters where there are any.
  std::vector<float> get() const;
  /// The inverse: rounds to nearest.  Throws Error, with nothing changed: another number of values,
  /// one not finite.
  void set(std::span<const float> values) const;
  std::vector<ParameterLayout> layout() const;
  void clear_grads() const noexcept;

 private:
  std::vector<std::shared_ptr<Parameter>> list_;
};

}  // namespace hone
