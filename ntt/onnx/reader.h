#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/graph/graph.h"

namespace ntt {

/// The opsets of ONNX that are read: the newest is that of onnx 1.23 on PyPI.
constexpr std::int64_t kOldestOpset = 9;
constexpr std::int64_t kNewestOpset = 28;

/// What an ONNX file holds.
struct OnnxModel {
  Graph graph;
  std::map<std::string, at::Tensor> values;  ///< by the names of the graph's parameters; float32, contiguous
  std::int64_t opset = 0;
  std::string producer;                         ///< "pytorch 2.9.0"; empty where the file does not say
  std::map<std::string, std::string> metadata;  ///< the file's own
  std::vector<std::string> warnings;            ///< sentences on what is not quite as in the file
};

/// Reads an ONNX model of one float input and one output, whose first axis is the batch: free, or of any fixed size.
/// Parameters keep the names of their initialisers and nodes theirs; what exporters spell out (gelu, silu, layer norm,
/// arithmetic on shapes) becomes one node or none. Weights are float16, bfloat16, float32 or float64, in the file or in
/// files beside it. Reads about as much memory as the file and its weights take.
///
/// InputError, of one sentence that names the file and, where one is to blame, the node, its operator and the opset:
/// for files that are not ONNX, cut short or cyclic, for opsets and operators that are not supported, for several
/// inputs or outputs, and for networks that mix the inputs of a batch.
NTT_API OnnxModel read_onnx(const std::filesystem::path& path);

/// The same of a model in memory, whose weights all lie in it. The graph is called `name`, which messages begin with.
OnnxModel read_onnx(std::string_view bytes, const std::string& name);

}  // namespace ntt
