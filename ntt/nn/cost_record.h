#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ntt/nn/network.h"

namespace ntt {

/// What a network costs, dense and with its masks: {"layers": [...], "total": {...}}, each with parameters, weights,
/// kept (weights), biases, dense_multiply_adds and sparse_multiply_adds of one input, dense_bytes and sparse_bytes;
/// layers also name, shape, density, empty_outputs and unread_inputs (ntt/nn/cost.h).
nlohmann::json cost_record(const Network& network);

/// [{"name", "weights", "kept", "density"}] of every prunable weight.
nlohmann::json layer_densities(const Network& network);

}  // namespace ntt
