#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/run_support.h"

namespace ntt {

/// What `ntt bench sparse --network` is asked.
struct BenchNetworkOptions {
  std::string network;  ///< run folder, network file or .onnx
  std::vector<std::int64_t> batch_sizes;
  double seconds = 0.15;  ///< of each time
};

/// Times inference of one network with its own weights and masks, sparse against dense, and prints both.
void bench_network(const CLI::App& subcommand, const CommonOptions& common, const BenchNetworkOptions& options);

}  // namespace ntt
