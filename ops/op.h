#pragma once
/// What the file of an op includes: the contract, the schema's options, and the arithmetic that ops
/// share.

#include <hone/op.h>

#include "ops/kernels/fixed_point.h"
#include "src/schema/options.h"
