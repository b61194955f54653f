/// The table of one instruction set.

#include "ops/kernels/isa.h"
#include "ops/kernels/simd.h"

#define HONE_JOIN_(a, b) a##b
#define HONE_JOIN(a, b) HONE_JOIN_(a, b)
#define HONE_TEXT_(a) #a
#define HONE_TEXT(a) HONE_TEXT_(a)

namespace isa = hone::HONE_ISA;
namespace shared = hone::HONE_ISA_SHARED;

extern "C" {
extern const hone::Kernels HONE_JOIN(hone_kernels_, HONE_ISA);
constinit const hone::Kernels HONE_JOIN(hone_kernels_, HONE_ISA) = {
    .isa = HONE_TEXT(HONE_ISA),
    .row_block = isa::tile_rows,
    .column_block = isa::lanes * isa::tile_vectors,
    .gemm = shared::gemm,
    .dot = shared::dot,
    .transpose = shared::transpose,
    .column_sums = shared::column_sums,
    .clamp_grad = shared::clamp_grad,
    .clamp_grad_int8 = shared::clamp_grad_int8,
    .clamp_grad_int16 = shared::clamp_grad_int16,
    .axpy = shared::axpy,
    .finite = shared::finite,
    .sum = shared::sum,
    .add = shared::add,
    .subtract = shared::subtract,
    .multiply = shared::multiply,
    .softmax = shared::softmax,
    .softmax_grad = shared::softmax_grad,
    .softmax_bytes = shared::softmax_bytes,
    .gather_product = shared::gather_product,
    .gather_weights = shared::gather_weights,
    .depthwise = shared::depthwise,
    .depthwise_input = shared::depthwise_input,
    .depthwise_weights = shared::depthwise_weights,
    .max_pool = shared::max_pool,
    .max_pool_input = shared::max_pool_input,
    .max_pool_int8 = shared::max_pool_int8,
    .max_pool_uint8 = shared::max_pool_uint8,
    .max_pool_int16 = shared::max_pool_int16,
    .gather_pairs = isa::gather_pairs,
    .requantize = isa::requantize,
    .widen = isa::widen,
    .dequantize = shared::dequantize,
    .quantize = shared::quantize,
    .round_stochastic = shared::round_stochastic,
    .add_bytes = shared::add_bytes,
    .multiply_bytes = shared::multiply_bytes,
    .multiply_adds = shared::multiply_adds,
    .depthwise_bytes = isa::depthwise_bytes,
#if defined(HONE_BYTE_FLIP)
    .byte_flip = HONE_BYTE_FLIP,
    .gather_bytes = isa::gather_bytes,
    .flip_bytes = isa::flip_bytes,
    .row_sums = isa::row_sums,
#endif
};
}
