#pragma once
/// The backward of one call: what it needs in real units, room for what it gives, and the way on.

#include <memory_resource>
#include <span>
#include <vector>

#include "autograd/graph.h"
#include "autograd/temporary.h"

namespace hone {

inline Tensor float_tensor(const Shape& shape, std::pmr::memory_resource* memory) {
  return Tensor(TensorType(DType::float32, shape), memory);
}

/// Whether the gradients of some inputs need input `saved`, in real units.
bool needs_input(const FunctionNode& f, std::size_t saved, std::span<const bool> wanted) noexcept;

/// Throws Error where numbers that are not finite are looked for, and `grad`, that of input i, has
/// some.
void check_gradient(const FunctionNode& f, std::size_t i, const Tensor& grad);

/// The gradients of some inputs of one call, from those of its outputs.
class BackwardCall {
 public:
  BackwardCall(FunctionNode& f, std::span<const Tensor> grads, std::span<const bool> wanted,
               Temporary& temporary, GradientSink* sink);

  /// The op works on some rows of its weights at a time where that saves memory: their values in
  /// real units, or their gradients.
  bool splits() const;

  void operator()();
  void in_parts();

 private:
  /// What was saved of one side of a call: as it was, and in real units.
  struct Saved {
    Saved(std::size_t n, Temporary& temporary);
    void put(std::size_t i, const Tensor& saved, std::pmr::memory_resource* memory);

    std::pmr::vector<Tensor> raw, floats;
    std::pmr::vector<std::span<const float>> spans;
  };

  const TensorType& weights() const;
  bool gives_parts() const;
  void start(Slots no_gradient, Slots no_value = Slots::none());
  void part(std::size_t begin, Backward::Rows rows, std::size_t row, std::span<float> whole);
  void run(std::span<const bool> wanted, Backward::Rows rows);
  void finish();
  Tensor started(std::size_t i, bool& add);
  void hand_on(std::size_t i, Tensor g, bool added);

  FunctionNode& f_;
  std::span<const Tensor> grads_;
  std::span<const bool> wanted_;
  GradientSink* sink_;
  Saved in_, out_;
  std::pmr::vector<std::span<const float>> gy_;
  std::pmr::vector<Tensor> gradients_;
  std::pmr::vector<std::span<float>> gx_;
  std::span<bool> held_;       // gradients_[i] is that of a leaf, which is added to
  std::span<bool> add_, now_;  // of the present call of the op: add, wanted
  Tensor scratch_;
};

}  // namespace hone
