/// The table of one instruction set.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

#define HONE_JOIN_(a, b) a##b
#define HONE_JOIN(a, b) HONE_JOIN_(a, b)
#define HONE_TEXT_(a) #a
#define HONE_TEXT(a) HONE_TEXT_(a)

namespace isa = hone::HONE_ISA;

extern "C" {
extern const hone::Kernels HONE_JOIN(hone_kernels_, HONE_ISA);
constinit const hone::Kernels HONE_JOIN(hone_kernels_, HONE_ISA) = {
    .isa = HONE_TEXT(HONE_ISA),
    .row_block = isa::tile_rows,
    .column_block = isa::lanes * isa::tile_vectors,
    .gemm = isa::gemm,
    .dot = isa::dot,
    .transpose = isa::transpose,
    .column_sums = isa::column_sums,
    .clamp_grad = isa::clamp_grad,
    .clamp_grad_int8 = isa::clamp_grad_int8,
    .clamp_grad_int16 = isa::clamp_grad_int16,
    .axpy = isa::axpy,
    .gather_product = isa::gather_product,
    .gather_weights = isa::gather_weights,
    .depthwise = isa::depthwise,
    .depthwise_input = isa::depthwise_input,
    .depthwise_weights = isa::depthwise_weights,
    .max_pool = isa::max_pool,
    .max_pool_input = isa::max_pool_input,
    .gather_integer = isa::gather_integer,
    .requantize = isa::requantize,
    .widen = isa::widen,
    .dequantize = isa::dequantize,
    .quantize = isa::quantize,
    .round_stochastic = isa::round_stochastic,
    .add_bytes = isa::add_bytes,
    .multiply_bytes = isa::multiply_bytes,
    .multiply_adds = isa::multiply_adds,
    .depthwise_bytes = isa::depthwise_bytes,
};
}
