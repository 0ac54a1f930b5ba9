#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/networks.h"

namespace ntt::testing_support {

/// What sparse execution says of the small networks that it cannot execute.
const std::map<std::string, std::string>& refusals();

/// The other small networks, and more of kinds that are steps of their own to it.
const std::vector<Graph>& sparse_networks();
const Graph& sparse_network(const std::string& name);
std::vector<std::string> sparse_network_names();

/// One of them with freshly drawn weights, masked at random.
Network draw_masked(const std::string& name, double density, at::ScalarType dtype = at::kFloat);

}  // namespace ntt::testing_support
