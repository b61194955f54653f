#pragma once
/// What the files of one instruction set export to the file that fills its table.

#include "ops/kernels/table.h"

namespace hone::HONE_ISA {

void gemm(const Gemm&) noexcept;
void dot(const Dot&) noexcept;
void transpose(const Transpose&) noexcept;
void column_sums(const ColumnSums&) noexcept;
void masked_sums(const MaskedSums&) noexcept;

}  // namespace hone::HONE_ISA
