#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/data/loaded.h"
#include "ntt/nn/dense_network.h"
#include "ntt/prune/mask.h"

namespace ntt {

/// What training starts from.
struct TrainingStart {
  Network network;
  std::optional<Network> teacher;     ///< the untrained dense network that it comes from, where asked for and known
  std::string method;                 ///< by which the network was found
  std::string found_on;               ///< the data set that it was found on; empty where that is not known
  std::vector<std::string> warnings;  ///< of the file that it was read from
};

/// A network without a file: the model's dense network, or weights of it masked at random.
struct DrawnStart {
  std::string method = "dense";  ///< or "random"
  ModelOptions model;
  double density = 1;  ///< of "random"
  Scope scope = Scope::layer;
  std::uint64_t seed = 0;
};

/// Reads a run folder or network file. The teacher is the one in the run folder, or the network itself where it is
/// dense. InputError where either does not fit the data.
NTT_API TrainingStart read_start(const std::filesystem::path& init, const LoadedData& data, bool with_teacher);

/// Draws the network; the teacher is the dense one.
NTT_API TrainingStart draw_start(const DrawnStart& options, const LoadedData& data, bool with_teacher);

}  // namespace ntt
