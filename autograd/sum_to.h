#pragma once
#include <hone/tensor.h>

namespace hone {

/// The gradient of broadcasting: `grad` summed over the axes along which a value of `shape` was
/// repeated.
Tensor sum_to(const Tensor& grad, const Shape& shape, std::pmr::memory_resource* memory);

}  // namespace hone
