#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/find_run.h"
#include "cli/run_support.h"
#include "ntt/core/stopwatch.h"
#include "ntt/nn/cost_record.h"
#include "ntt/nn/model.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"
#include "ntt/sparse/predictor.h"
#include "ntt/train/metrics.h"

namespace ntt {
namespace {

struct EvaluateCommand {
  CommonOptions common;
  std::string network;
  Execution execution = Execution::automatic;
};

/// All parameters, biases included, and how many of them are kept.
std::pair<std::int64_t, std::int64_t> count_parameters(const Network& network) {
  std::pair<std::int64_t, std::int64_t> counts{0, 0};
  for (const Parameter* parameter : network.parameters()) {
    counts.first += parameter->value.numel();
    counts.second += parameter->kept();
  }
  return counts;
}

void run_evaluate(const CLI::App& subcommand, const EvaluateCommand& options) {
  apply_threads(options.common.threads);
  const at::Device device = parse_device(options.common.device);
  NetworkFile file = read_network(options.network);
  Network& network = file.network;
  const LoadedData data = load_data(options.common, device, file.format);
  check_network_fits(network, options.network, data.input, data.classes, data.name);
  network.to(device, at::kFloat);
  const std::string model = network.graph().name;
  const double density = network.density();
  const auto [parameters, kept] = count_parameters(network);
  const nlohmann::json layers = layer_densities(network);

  const c10::InferenceMode without_autograd;
  const Predictor predictor(std::move(network), options.execution);
  const Stopwatch watch;
  const Score test = score(predictor.predict(data.test_inputs), data.test_labels);
  const Score train = score(predictor.predict(data.train_inputs), data.train_labels);
  const double seconds = watch.seconds();

  nlohmann::json record = result_record(request_of(subcommand, options.common), seconds, 0);
  record.erase("seed");
  record.erase("ms_per_step");
  record.update({{"model", model},
                 {"data", data.name},
                 {"test_accuracy", test.accuracy},
                 {"test_loss", test.loss},
                 {"train_accuracy", train.accuracy},
                 {"train_loss", train.loss},
                 {"density", density},
                 {"parameters", parameters},
                 {"kept_parameters", kept},
                 {"layers", layers}});
  std::vector<std::pair<std::string, std::string>> rows{
      {"model", model},
      {"data", data.name},
      {"test accuracy", format_percent(test.accuracy)},
      {"test loss", fmt::format("{:.4f}", test.loss)},
      {"training accuracy", format_percent(train.accuracy)},
      {"training loss", fmt::format("{:.4f}", train.loss)},
      {"parameters kept", fmt::format("{} of {}", format_count(kept), format_count(parameters))},
      {"density", fmt::format("{:.4g}", density)}};
  if (!std::isnan(test.top5_accuracy)) {
    record["test_top5_accuracy"] = test.top5_accuracy;
    rows.insert(rows.begin() + 3, {"test top-5 accuracy", format_percent(test.top5_accuracy)});
  }
  for (const nlohmann::json& layer : layers) {
    rows.emplace_back("  " + layer["name"].get<std::string>(), layer_text(layer));
  }
  print_result(options.common, record, rows);
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  CLI::App* evaluate = add_run_command(app, "evaluate", "Accuracy, loss and densities of a network",
                                       "ntt evaluate --network runs/ntt-trained --data mnist");
  auto options = std::make_shared<EvaluateCommand>();
  evaluate->add_option("--network", options->network, "Run folder or network file")->required()->type_name("DIR|FILE");
  add_data_option(*evaluate, options->common);
  add_execution_option(*evaluate, options->execution, "With the kept weights alone, with all, or whichever is faster");
  add_machine_options(*evaluate, options->common);
  evaluate->callback([evaluate, options] { run_evaluate(*evaluate, *options); });
}

}  // namespace ntt
