// usage: evaluate_onnx MODEL.onnx INPUTS.npy OUTPUTS.npy: writes what our importer makes of a model, and lists its
// nodes.

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <exception>

#include "ntt/io/npy.h"
#include "tests/onnx/evaluate.h"

int main(int argc, char** argv) {
  using namespace ntt;
  if (argc != 4) {
    fmt::print(stderr, "usage: evaluate_onnx MODEL.onnx INPUTS.npy OUTPUTS.npy\n");
    return 2;
  }
  try {
    const OnnxModel model = read_onnx(argv[1]);
    for (const Node& node : model.graph.nodes) {
      std::vector<std::string> parameters;
      for (const ParameterId id : node.parameters) {
        parameters.push_back(model.graph.parameters[id].name);
      }
      fmt::print("{} {} {} {}\n", node.type, to_string(model.graph.values[node.output].shape), node.name,
                 fmt::join(parameters, " "));
    }
    write_npy(argv[3], testing_support::evaluate(model, read_npy(argv[2]).to(at::kFloat)).contiguous());
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
