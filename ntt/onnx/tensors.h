#pragma once

#include <ATen/core/Tensor.h>
#include <onnx/onnx_pb.h>

#include <filesystem>

namespace ntt::onnx_import {

/// The entries of a tensor in the type that the file has, on the CPU. Takes raw data out of the message instead of
/// copying it. `folder` is the model's: external data must lie in it, whatever links it goes through. InputError that
/// names the tensor where its shape, type and bytes do not fit together; nothing is allocated before they are checked.
at::Tensor take_tensor(::onnx::TensorProto& tensor, const std::filesystem::path& folder);

/// The same of a sparse tensor, made dense.
at::Tensor take_sparse_tensor(::onnx::SparseTensorProto& tensor, const std::filesystem::path& folder);

/// ATen's type for one of ONNX's; InputError where it has none.
at::ScalarType scalar_type(std::int64_t onnx_type);

}  // namespace ntt::onnx_import
