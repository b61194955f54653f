#pragma once
/// How much there is to compute.

#ifndef HONE_PRIVATE
#error "a private header of hone"
#endif

#include <span>
#include <string_view>

#include <hone/tensor.h>

namespace hone {

/// Multiplications and additions of one forward, or of the gradient of one of the first two inputs;
/// 0 where they are not counted.
double operations(std::string_view op, std::span<const TensorType> in,
                  std::span<const TensorType> out);

}  // namespace hone
