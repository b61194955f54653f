#pragma once
#include <string>

#include <hone/train.h>
#include <nlohmann/json.hpp>

namespace hone::cli {

nlohmann::json metrics_json(const Metrics& metrics);
Loss loss_named(const std::string& name);

}  // namespace hone::cli
