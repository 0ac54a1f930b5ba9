#pragma once

#include <filesystem>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/ops/parameter.h"

namespace ntt {

/// Writes a network as an ONNX model (opset 17) from its input [batch, ...] to `output` [batch, outputs], with a free
/// batch size. Parameters are initialisers under their names; where `sparse` is set and they are smaller so, masked
/// weights are sparse initialisers (values and indices in the flattened weight). The model takes the metadata over.
/// Atomic; InputError where the model is larger than ONNX can hold, 2 GiB, RunError if the disk refuses.
NTT_API void write_onnx(const std::filesystem::path& path, const Graph& network,
                        const std::vector<std::unique_ptr<Parameter>>& parameters,
                        const std::map<std::string, std::string>& metadata, bool sparse);

}  // namespace ntt
