#include "autograd/sum_to.h"

#include <array>

#include "src/tensor/dry_run.h"

namespace hone {

Tensor sum_to(const Tensor& grad, const Shape& shape, std::pmr::memory_resource* memory) {
  const Shape& from = grad.shape();
  const std::size_t rank = from.rank();
  // strides into the sum; 0 along repeated axes
  std::array<std::size_t, Shape::max_rank> stride{}, index{};
  std::size_t step = 1;
  for (std::size_t k = 0; k < shape.rank(); ++k) {
    const std::size_t a = rank - 1 - k, b = shape.rank() - 1 - k;
    stride[a] = shape[b] == 1 ? 0 : step;
    step *= static_cast<std::size_t>(shape[b]);
  }
  Tensor sums = Tensor::zeros(TensorType(DType::float64, shape), memory);
  if (dry_running()) return Tensor(TensorType(DType::float32, shape), memory);
  const auto total = sums.mutable_data<double>();
  const auto g = grad.data<float>();
  const std::size_t inner = rank == 0 ? 1 : static_cast<std::size_t>(from.back());
  const std::size_t inner_stride = rank == 0 ? 0 : stride[rank - 1];
  std::size_t at = 0;
  for (std::size_t i = 0; i < g.size(); i += inner) {
    for (std::size_t k = 0; k < inner; ++k)
      total[at + k * inner_stride] += static_cast<double>(g[i + k]);
    for (std::size_t a = rank - (rank > 0); a-- > 0;) {  // the next row
      at += stride[a];
      if (++index[a] < static_cast<std::size_t>(from[a])) break;
      at -= stride[a] * index[a];
      index[a] = 0;
    }
  }
  return sums.to_float(memory);
}

}  // namespace hone
