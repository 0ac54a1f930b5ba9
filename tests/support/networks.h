#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/nn/gradients.h"
#include "ntt/nn/network.h"

namespace ntt::testing_support {

/// Small networks that between them hold every layer before, between and behind layers with parameters.
const std::vector<Graph>& small_networks();
/// The one of that name.
const Graph& small_network(const std::string& name);

/// The names of all, for tests that take each in turn.
std::vector<std::string> small_network_names();
/// The name as a test's name may be spelt: "mlp_tanh".
std::string as_identifier(std::string name);

/// Draws a network with biases large enough to matter, and scales, shifts and statistics that are not 1 and 0.
Network draw(const Graph& graph, std::uint64_t seed, at::ScalarType dtype = at::kDouble);
/// Standard-normal inputs [count, input...].
at::Tensor draw_inputs(const Graph& graph, std::int64_t count, std::uint64_t seed, at::ScalarType dtype = at::kDouble);
/// Masks every weight at random.
void mask_at_random(Network& network, double density, std::uint64_t seed);
/// The derivatives by each of Network::parameters, in their order; they share the gradients' memory.
std::vector<at::Tensor> parts_of(const Gradients& gradients, const Network& network);

/// Whether two networks of one graph hold the same bits: values, masks and what the operators see.
bool identical(const Network& a, const Network& b);

/// max |a - b| / max |b|; infinity if the shapes differ or a NaN is there.
double relative_error(const at::Tensor& actual, const at::Tensor& expected);
/// The largest over parameters of max |a - b| / max |b|, where a parameter whose derivatives are all tiny is measured
/// by a thousandth of the largest derivative instead.
double relative_error(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& expected);

}  // namespace ntt::testing_support
