#pragma once
/// What plans and the choices by them share.

#include <string>
#include <vector>

#include <hone/train.h>

namespace hone {

/// MemoryPlan::peak_bytes alone.
std::size_t training_peak(const Model& model, const PlanOptions& options);

/// "#3,#5"
std::string text_of(const std::vector<std::size_t>& operators);

}  // namespace hone
