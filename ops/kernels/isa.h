#pragma once
/// What the files of one instruction set export to the file that fills its table.

#include "ops/kernels/table.h"

// The set whose kernels this one takes where it has none of its own.
#ifndef HONE_ISA_SHARED
#define HONE_ISA_SHARED HONE_ISA
#endif

namespace hone::HONE_ISA_SHARED {

void gemm(const Gemm&) noexcept;
void dot(const Dot&) noexcept;
void transpose(const Transpose&) noexcept;
void column_sums(const ColumnSums&) noexcept;
void clamp_grad(const ClampGrad<float>&) noexcept;
void clamp_grad_int8(const ClampGrad<int8_t>&) noexcept;
void clamp_grad_int16(const ClampGrad<int16_t>&) noexcept;
void axpy(const Axpy&) noexcept;
bool finite(const Finite&) noexcept;
float sum(const FloatSum&) noexcept;
void add(const FloatPass&) noexcept;
void subtract(const FloatPass&) noexcept;
void multiply(const FloatPass&) noexcept;
void softmax(const Softmax&) noexcept;
void softmax_grad(const SoftmaxGrad&) noexcept;
void softmax_bytes(const SoftmaxBytes&) noexcept;
void gather_product(const GatherProduct&) noexcept;
void gather_weights(const GatherWeights&) noexcept;
void depthwise(const Depthwise&) noexcept;
void depthwise_input(const Depthwise&) noexcept;
void depthwise_weights(const Depthwise&) noexcept;
void max_pool(const MaxPool&) noexcept;
void max_pool_input(const MaxPool&) noexcept;
void max_pool_int8(const MaxPoolIntegers<int8_t>&) noexcept;
void max_pool_uint8(const MaxPoolIntegers<uint8_t>&) noexcept;
void max_pool_int16(const MaxPoolIntegers<int16_t>&) noexcept;
void dequantize(const Dequantize&) noexcept;
void quantize(const Quantize&) noexcept;
void round_stochastic(const RoundStochastic&) noexcept;
void add_bytes(const BytePass&) noexcept;
void multiply_bytes(const BytePass&) noexcept;
void multiply_adds(const MultiplyAdds&) noexcept;

}  // namespace hone::HONE_ISA_SHARED

namespace hone::HONE_ISA {

void depthwise_bytes(const DepthwiseBytes&) noexcept;
void gather_pairs(const GatherInteger&) noexcept;
void requantize(const RequantRows&) noexcept;
void widen(const Widen&) noexcept;
void gather_bytes(const GatherInteger&) noexcept;
void flip_bytes(const FlipBytes&) noexcept;
void row_sums(const RowSums&) noexcept;

}  // namespace hone::HONE_ISA
