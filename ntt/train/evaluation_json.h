#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ntt/train/evaluation.h"

namespace ntt {

void to_json(nlohmann::json& json, const Evaluation& evaluation);
void from_json(const nlohmann::json& json, Evaluation& evaluation);

}  // namespace ntt
