#include "autograd/sum_to.h"

#include "ops/kernels/kernels.h"
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
  Tensor sums = Tensor::zeros(TensorType(DType::float32, shape), memory);
  if (dry_running()) return sums;
  const auto reduction = AxisReduction::over(grad.shape(), repeated(grad.shape(), shape));
  const float* from = grad.data<float>().data();
  float* to = sums.mutable_data<float>().data();
  reduction.walk_rows([&](std::size_t x, std::size_t sum, std::size_t rows, std::size_t count,
                          bool kept) {
    const auto n = static_cast<std::ptrdiff_t>(count);
    if (kept) {
      kernels().column_sums({static_cast<std::ptrdiff_t>(rows), n, from + x, n, to + sum, true});
    } else {
      to[sum] += kernels().sum({n, from + x});
    }
  });
  return sums;
}

}  // namespace hone
