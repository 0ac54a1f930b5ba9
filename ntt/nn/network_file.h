#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "ntt/nn/network.h"

namespace ntt {

/// Writes network.safetensors: `<layer>.weight`, `<layer>.bias` in PyTorch's names and shapes (float32, pruned entries
/// exactly 0), `<layer>.weight_mask` (U8) for masked weights, and in the header's metadata the architecture, the
/// density and what else is given. Atomic; RunError if the disk refuses.
void write_network(const std::filesystem::path& path, const Network& network,
                   const std::map<std::string, std::string>& metadata);

/// A network read back with its metadata.
struct NetworkFile {
  Network network;
  std::map<std::string, std::string> metadata;
};

/// Reads what write_network wrote, from the file or the run folder that holds it; InputError naming the file where a
/// tensor is missing, has another shape or dtype, is not finite, or is not 0 where its mask prunes it.
NetworkFile read_network(const std::filesystem::path& path);

}  // namespace ntt
