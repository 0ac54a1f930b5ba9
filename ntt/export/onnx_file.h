#pragma once

#include <filesystem>

#include "ntt/nn/network_file.h"

namespace ntt {

/// Writes a network as an ONNX model (opset 13) from `input` [batch, ...] to `output` [batch, outputs], with a free
/// batch size. Parameters are initialisers under their names; where `sparse` is set and they are smaller so, masked
/// weights are sparse initialisers (values and places in the flattened weight). The model's metadata are the file's.
/// Atomic; InputError where the model is larger than ONNX can hold, 2 GiB, RunError if the disk refuses.
void write_onnx(const std::filesystem::path& path, const NetworkFile& file, bool sparse);

}  // namespace ntt
