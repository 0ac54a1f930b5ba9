#pragma once

#include <ATen/core/Tensor.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ntt::onnx_import {

/// Reads entries that lie in a file of their own, in the model's folder or below. InputError where the location leads
/// out of the folder, or the file is missing or shorter than said.
at::Tensor read_external_data(const ::onnx::TensorProto& tensor, const std::vector<std::int64_t>& shape,
                              at::ScalarType type, const std::filesystem::path& folder);

}  // namespace ntt::onnx_import
