#pragma once
/// Everything but xtensor.h.

#include <hone/data.h>       // IWYU pragma: export
#include <hone/error.h>      // IWYU pragma: export
#include <hone/functions.h>  // IWYU pragma: export
#include <hone/loss.h>       // IWYU pragma: export
#include <hone/model.h>      // IWYU pragma: export
#include <hone/op.h>         // IWYU pragma: export
#include <hone/optim.h>      // IWYU pragma: export
#include <hone/parameter.h>  // IWYU pragma: export
#include <hone/tensor.h>     // IWYU pragma: export
#include <hone/threads.h>    // IWYU pragma: export
#include <hone/train.h>      // IWYU pragma: export
#include <hone/variable.h>   // IWYU pragma: export
