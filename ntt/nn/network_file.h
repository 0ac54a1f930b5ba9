#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/nn/data_format.h"
#include "ntt/nn/network.h"

namespace ntt {

/// How a network lies in its file; docs/architecture.md has both forms.
struct NetworkForm {
  bool compact = false;                 ///< masked weights as kept values and their places, not as zeros and a mask
  at::ScalarType weights = at::kFloat;  ///< or kHalf, kBFloat16; biases are float32 in any case
};

/// Writes network.safetensors: `<layer>.weight`, `<layer>.bias` in PyTorch's names and shapes (float32, pruned entries
/// exactly 0), `<layer>.weight_mask` (U8) for masked weights, and in the header's metadata the architecture, the
/// density and what else is given; in compact form `<layer>.weight_values` and `<layer>.weight_places` of the masked
/// weights. Atomic; InputError where a weight is too large for its type or the metadata's data format is broken,
/// RunError if the disk refuses.
NTT_API void write_network(const std::filesystem::path& path, const Network& network,
                           const std::map<std::string, std::string>& metadata, NetworkForm form = {});

/// A network read back with its metadata.
struct NetworkFile {
  Network network;
  std::map<std::string, std::string> metadata;
  DataFormat format = {};                  ///< what the metadata say of inputs and classes
  std::vector<std::string> warnings = {};  ///< sentences on what is not quite as in the file
};

/// Gives weights that have zeros but no mask, as networks that others pruned do, the mask of what is not zero.
NTT_API void mask_zeros(Network& network);

/// Reads an .onnx file, whose weights are masked where they are 0, or what write_network wrote in either form, from the
/// file or the run folder that holds it; the values are then float32. InputError naming the file where a tensor is
/// missing, has another shape or dtype, is not finite, is not 0 where its mask prunes it, or has places that are none.
NTT_API NetworkFile read_network(const std::filesystem::path& path);

}  // namespace ntt
