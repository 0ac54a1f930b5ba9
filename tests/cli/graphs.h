#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ntt {

/// A network for the 4 x 4 images and two classes of CliTest, with what a sequence of layers does not have.
struct GraphFile {
  std::string name;
  std::string text;
  bool has_batch_norm = false;
};

/// The same words in every process, where bytes would have addresses in them: ctest tells tests apart by them.
inline void PrintTo(const GraphFile& file, std::ostream* stream) {
  *stream << file.name;
}

inline const std::vector<GraphFile>& graph_files() {
  static const std::vector<GraphFile> files = {
      {"batch_norm", R"(
input = [1, 4, 4]
layer = [
  {type = "conv2d", out_channels = 6, kernel = 3, padding = 1, bias = false},
  {type = "batch-norm"},
  {type = "relu"},
  {type = "residual", body = [
    {type = "conv2d", out_channels = 6, kernel = 3, padding = 1, bias = false},
    {type = "batch-norm"},
    {type = "relu"},
    {type = "conv2d", out_channels = 6, kernel = 3, padding = 1, bias = false},
    {type = "batch-norm"},
  ]},
  {type = "relu"},
  {type = "average-pool", kernel = 2},
  {type = "flatten"},
  {type = "linear", out_features = 2},
])",
       true},
      {"separable", R"(
input = [1, 4, 4]
layer = [
  {type = "conv2d", out_channels = 8, kernel = 3, padding = 1, bias = false},
  {type = "batch-norm"},
  {type = "clip", min = 0, max = 6},
  {type = "conv2d", out_channels = 8, kernel = 3, padding = 1, groups = 8, bias = false},
  {type = "batch-norm"},
  {type = "silu"},
  {type = "conv2d", out_channels = 10, kernel = 1},
  {type = "reduce-mean", axes = [1, 2]},
  {type = "linear", out_features = 2},
])",
       true},
      {"concat", R"(
input = [1, 4, 4]
layer = [
  {type = "conv2d", name = "a", out_channels = 4, kernel = 3, padding = 1},
  {type = "tanh", name = "seen"},
  {type = "conv2d", name = "b", out_channels = 3, kernel = 1},
  {type = "concat", inputs = ["seen", "b", "input"]},
  {type = "gelu"},
  {type = "conv2d", name = "c", out_channels = 4, kernel = 2, stride = 2},
  {type = "flatten"},
  {type = "linear", out_features = 2},
])"},
      {"attention", R"(
input = [1, 4, 4]
layer = [
  {type = "conv2d", out_channels = 6, kernel = 2, stride = 2},
  {type = "reshape", shape = [6, 4]},
  {type = "transpose", axes = [1, 0], name = "patches"},
  {type = "parameter", shape = [4, 6], name = "positions"},
  {type = "add", inputs = ["patches", "positions"], name = "x"},
  {type = "layer-norm", name = "norm"},
  {type = "linear", name = "query", out_features = 6},
  {type = "linear", name = "key", out_features = 6, inputs = ["norm"]},
  {type = "linear", name = "value", out_features = 6, inputs = ["norm"]},
  {type = "transpose", axes = [1, 0], inputs = ["key"], name = "keys"},
  {type = "matmul", inputs = ["query", "keys"]},
  {type = "affine", factor = 0.4},
  {type = "softmax", name = "attended"},
  {type = "matmul", inputs = ["attended", "value"]},
  {type = "linear", name = "out", out_features = 6},
  {type = "add", inputs = ["x", "out"]},
  {type = "residual", body = [{type = "layer-norm"}, {type = "linear", out_features = 9}, {type = "gelu"},
                              {type = "linear", out_features = 6}]},
  {type = "reduce-mean", axes = [0]},
  {type = "linear", out_features = 2},
])"},
      {"tied", R"(
input = [1, 4, 4]
layer = [
  {type = "flatten"},
  {type = "linear", name = "a", out_features = 8},
  {type = "relu"},
  {type = "linear", name = "b", out_features = 8},
  {type = "tanh"},
  {type = "linear", name = "c", out_features = 8, weight = "b.weight"},
  {type = "relu"},
  {type = "linear", out_features = 2},
])"},
  };
  return files;
}

}  // namespace ntt
