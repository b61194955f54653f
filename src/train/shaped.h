#pragma once
#include <string_view>

#include <hone/train.h>

namespace hone {

/// `data` with samples in the shape of the model's input, without its first dimension.
/// Throws Error: a model with another number of inputs than one; samples of another size.
Dataset shaped(const Model& model, const Dataset& data, std::string_view where);

/// `data` normalized with the constants in the model's metadata, where there are any and it is not
/// yet.
Dataset normalized(const Model& model, const Dataset& data);

}  // namespace hone
