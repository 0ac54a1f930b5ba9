#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ntt/nn/cost.h"
#include "ntt/page/run.h"

namespace ntt {

/// What `ntt train --track N` leaves: N inputs with C outputs, followed over T evaluations.
struct Track {
  at::Tensor steps;    ///< int64 [T]
  at::Tensor outputs;  ///< float64 [T, N, C]
  at::Tensor kernel;   ///< float64 [T, N, N]: mean over the classes c of Θ_cc
  at::Tensor labels;   ///< int64 [N]
};

/// What is kept of a network, without its weights.
struct NetworkFacts {
  std::vector<LayerCost> layers;
  at::Tensor pixels;            ///< kept weights a pixel of a square image [S, S]; undefined: no such first layer
  std::vector<double> filters;  ///< kept weights a filter of a first convolution, falling; empty: none
  at::Tensor fields;            ///< receptive_fields of the first layer; undefined: none
};

/// The files in run folders. What is not there is nothing; what cannot be read is left out with a
/// warning.
class RunFiles {
 public:
  /// Records of metrics.jsonl.
  const std::vector<nlohmann::json>& metrics(const Run& run);
  /// track.safetensors, nothing where there is none; read anew each time, since all of them may be more than memory.
  std::optional<Track> track(const Run& run);
  /// network.safetensors; null where there is none.
  const NetworkFacts* network(const Run& run);

  /// One sentence for each file that could not be read.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Adds a sentence that is not there yet.
  void warn(const std::string& sentence);

 private:
  template <typename Value, typename Read>
  Value read(const std::filesystem::path& path, Read read_file);

  std::map<std::filesystem::path, std::vector<nlohmann::json>> metrics_;
  std::map<std::filesystem::path, std::optional<NetworkFacts>> networks_;
  std::vector<std::string> warnings_;
};

}  // namespace ntt
