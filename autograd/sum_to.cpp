#include "autograd/sum_to.h"

#include "ops/kernels/reduction.h"
#include "src/tensor/dry_run.h"

namespace hone {
namespace {

/// Bit i: dimension i of `from` is 1, or not there, in `to`.
std::uint32_t repeated(const Shape& from, const Shape& to) noexcept {
  const std::size_t more = from.rank() - to.rank();
  std::uint32_t axes = 0;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    if (i < more || to[i - more] == 1) axes |= 1u << i;
  }
  return axes;
}

}  // namespace

Tensor sum_to(const Tensor& grad, const Shape& shape, std::pmr::memory_resource* memory) {
  Tensor sums(TensorType(DType::float32, shape), memory);
  if (dry_running()) return sums;
  sum_floats(AxisReduction::over(grad.shape(), repeated(grad.shape(), shape)), grad.data<float>(),
             sums.mutable_data<float>());
  return sums;
}

}  // namespace hone
