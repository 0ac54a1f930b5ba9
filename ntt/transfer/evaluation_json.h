#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ntt/transfer/transfer.h"

namespace ntt {

/// A line of metrics.jsonl.
void to_json(nlohmann::json& json, const TransferEvaluation& evaluation);

}  // namespace ntt
