#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/network.h"

namespace ntt {

/// How a network is computed: with its stored weights alone, with every weight and the masks, or whichever is faster
/// for the network at hand.
enum class Execution { automatic, sparse, dense };

/// "auto", "sparse" or "dense", and back; InputError for any other word.
NTT_API std::string to_string(Execution execution);
NTT_API Execution parse_execution(const std::string& name);

/// What is computed: steps of training, or inference on batches of inputs.
enum class Workload { training, inference };

/// Densities below which sparse execution is faster, by kind of layer, as measured (docs/performance.md, "Sparse
/// execution").
struct BreakEven {
  double linear;
  double convolution;
};

/// For batches of so many inputs.
BreakEven break_even(Workload workload, std::int64_t batch_size);

/// The density below which a weight's products alone are faster so, on whole batches (SparseProducts).
double product_break_even(bool convolution);

/// Whether a network is where sparse execution is: on the CPU, in float32.
bool has_sparse_device(const Network& network);
/// InputError where it is not.
void check_sparse_device(const Network& network);

/// Whether steps of training run in blocks of inputs, forward and back (SparseNetwork). Other networks are trained
/// layer by layer, with products by the kept weights (SparseProducts).
bool trains_in_blocks(const Network& network);

/// Sparse or dense: what was asked for or, for `automatic`, what the break-even densities say is faster, each layer
/// counted by its multiply-adds, for batches of so many inputs. InputError where sparse execution was asked for and
/// there is none: for other devices than the CPU and other precisions than float32.
NTT_API Execution choose_execution(Execution asked, const Network& network, Workload workload, std::int64_t batch_size);
/// The same for each of several sizes of batches, at the cost of one.
std::vector<Execution> choose_executions(Execution asked, const Network& network, Workload workload,
                                         const std::vector<std::int64_t>& batch_sizes);

}  // namespace ntt
