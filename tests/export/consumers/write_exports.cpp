// Writes each small network of tests/support, partly masked, in every form that ntt exports, with inputs and the
// outputs that ntt computes. usage: write_exports FOLDER
#include <ATen/ATen.h>

#include "ntt/export/arrays.h"
#include "ntt/io/npy.h"
#include "ntt/nn/network_file.h"
#include "ntt/onnx/writer.h"
#include "tests/support/networks.h"

namespace {

using namespace ntt;

void write_exports(const std::filesystem::path& folder, const Graph& graph) {
  std::filesystem::create_directories(folder);
  Network network = testing_support::draw(graph, 1, at::kFloat);
  testing_support::mask_at_random(network, 0.3, 2);
  network.parameters().front()->set_mask({});
  write_network(folder / "network.safetensors", network, {{"method", "random"}, {"provenance", "a test"}});
  const NetworkFile file = read_network(folder / "network.safetensors");
  write_network(folder / "dense.safetensors", file.network, file.metadata);
  write_network(folder / "compact.safetensors", file.network, file.metadata, {true, at::kFloat});
  write_network(folder / "float16.safetensors", file.network, file.metadata, {true, at::kHalf});
  write_network(folder / "bfloat16.safetensors", file.network, file.metadata, {false, at::kBFloat16});
  write_npz(folder / "network.npz", dense_arrays(file));
  write_npz(folder / "network.csr.npz", csr_arrays(file));
  write_onnx(folder / "dense.onnx", file.network.graph(), file.network.all_parameters(), file.metadata, false);
  write_onnx(folder / "sparse.onnx", file.network.graph(), file.network.all_parameters(), file.metadata, true);
  const at::Tensor inputs = testing_support::draw_inputs(graph, 5, 3, at::kFloat);
  write_npy(folder / "inputs.npy", inputs);
  write_npy(folder / "outputs.npy", file.network.predict(inputs));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: write_exports FOLDER\n");
    return 2;
  }
  for (const Graph& graph : testing_support::small_networks()) {
    write_exports(std::filesystem::path(argv[1]) / graph.name, graph);
  }
}
