#pragma once
/// Real values into the element types of a file.

#include <cstdint>
#include <span>

#include <hone/tensor.h>

namespace hone {

/// Lowest and highest integer of a weight or bias: symmetric in signed types, so never -128.
std::pair<std::int64_t, std::int64_t> weight_range(DType dtype) noexcept;

/// Elements from `begin` on, to nearest: halves away from zero in integers, to even in float16.
void round_nearest(const TensorType& type, std::byte* data, std::size_t begin,
                   std::span<const float> values) noexcept;

/// The same, stochastically, by the change of each value; see Parameter::move.
void round_stochastic(const TensorType& type, std::byte* data, std::size_t begin,
                      std::span<const float> before, std::span<const float> after,
                      std::uint64_t key) noexcept;

/// Elements from `begin` on, in real units.
void read_real(const TensorType& type, const std::byte* data, std::size_t begin,
               std::span<float> values) noexcept;

/// Every integer times old_scale / new_scale, rounded to nearest.  `type` has the new scales.
void rescale_integers(const TensorType& before, const TensorType& type, std::byte* data) noexcept;

/// Scales so that the largest |value| of each channel (of the tensor) meets the end of its range;
/// where all are 0, the scale stays.
QuantParams fitted_scales(const TensorType& type, std::span<const float> values);

}  // namespace hone
