#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace ntt::onnx_import {

/// The messages of an ONNX model in memory, called `name`; InputError as below.
::onnx::ModelProto parse_model(const void* data, std::size_t size, const std::string& name);

/// The messages of an ONNX file; InputError where it is not one, or has no opset that is supported.
::onnx::ModelProto read_model(const std::filesystem::path& path);

/// The version of ONNX's own operators that a model is written in; 0 where it names none.
std::int64_t opset_of(const ::onnx::ModelProto& model);

}  // namespace ntt::onnx_import
