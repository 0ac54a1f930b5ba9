#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "ntt/experiment/store.h"
#include "ntt/io/run_folder.h"
#include "ntt/io/safetensors.h"
#include "ntt/models/network_toml.h"
#include "ntt/nn/network_file.h"
#include "tests/io/temporary_folder.h"

namespace ntt {

/// A folder with an experiment that is made by hand: its database and the files of its run folders.
class ExperimentFolderTest : public TemporaryFolderTest {
 protected:
  static constexpr std::int64_t kInputs = 4;

  static Job job(const std::string& stage, const std::string& method, double density, std::int64_t seed) {
    const std::string name = fmt::format("small-net-{}-{:g}-layer-{}", method, density, seed);
    const bool train = stage == "train";
    return {stage + "/" + name,
            stage,
            {train ? "train" : "prune"},
            train ? "find/" + name : "",
            "small",
            "net",
            method,
            density,
            "layer",
            seed};
  }

  /// A search that is done, with kernel distances 8, 4, 2 at steps 0, 10, 20 for ntt-exact.
  void add_found(const std::string& method, double density, std::int64_t seed) {
    const Job found = job("find", method, density, seed);
    add(found, 1.5, {{"what", "prune"}});
    write_weights(found, density);
    if (method == "ntt-exact") {
      write_metrics(found, R"({{"step":{},"kernel_distance":{},"target_distance":0.5}})", {8, 4, 2});
    }
  }
  /// A training that is done and ended with this accuracy.
  void add_trained(const std::string& method, double density, std::int64_t seed, double accuracy) {
    const Job trained = job("train", method, density, seed);
    add(trained, 2.5, {{"figures", {{"mean_test_accuracy_of_last_ten", accuracy}}}});
    write_weights(trained, density);
    write_metrics(trained, R"({{"step":{},"test_accuracy":{},"kernel_alignment":0.5}})",
                  {accuracy / 4, accuracy / 2, accuracy});
  }

  std::filesystem::path folder_of(const Job& job) const { return folder_ / job.name; }

  /// Two outputs of four inputs at steps 0, 10 and 20; the kernel is `scale` times the identity, then all ones.
  static TensorFile track(double scale) {
    const at::Tensor kernels =
        at::stack({scale * at::eye(kInputs), at::ones({kInputs, kInputs}), at::ones({kInputs, kInputs})});
    return {{{"steps", at::arange(3, at::kLong) * 10},
             {"outputs", at::arange(3 * kInputs * 2).to(at::kFloat).reshape({3, kInputs, 2}) * scale},
             {"kernel", kernels.to(at::kFloat)},
             {"labels", at::tensor({0, 1, 0, 1}, at::kLong)}},
            {},
            ""};
  }

  JobStore& store() {
    if (!store_) {
      store_ = std::make_unique<JobStore>(folder_ / "experiment.sqlite");
    }
    return *store_;
  }

 private:
  void add(const Job& job, double seconds, const nlohmann::json& result) {
    store().add({job});
    store().finish(job.name, seconds, result);
    std::filesystem::create_directories(folder_of(job));
  }
  /// An image of 4 x 4, four hidden units, two classes; the mask keeps the first weights of each layer.
  void write_weights(const Job& job, double density) const {
    Network network = Network::random(
        parse_network_toml("name = 'net'\ninput = [1, 4, 4]\n[[layer]]\ntype = 'flatten'\n[[layer]]\ntype = 'linear'\n"
                           "out_features = 4\n[[layer]]\ntype = 'relu'\n[[layer]]\ntype = 'linear'\nout_features = 2\n",
                           "the test"),
        1);
    for (Parameter* parameter : network.parameters()) {
      if (parameter->prunable && density < 1) {
        const std::int64_t all = parameter->value.numel();
        const auto kept = static_cast<std::int64_t>(density * static_cast<double>(all));
        parameter->set_mask(at::arange(all).lt(kept).to(at::kFloat).reshape(parameter->shape));
      }
    }
    write_network(folder_of(job) / kNetworkFile, network, {});
  }
  void write_metrics(const Job& job, const char* line, const std::vector<double>& values) const {
    std::string lines;
    for (std::size_t i = 0; i < values.size(); ++i) {
      lines += fmt::format(fmt::runtime(line), 10 * i, values[i]) + "\n";
    }
    write(folder_of(job) / kMetricsFile, lines);
  }

  std::unique_ptr<JobStore> store_;
};

}  // namespace ntt
