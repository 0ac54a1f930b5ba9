#include "ntt/train/run.h"

#include <fmt/format.h>

#include <utility>

#include "ntt/nn/cost_record.h"
#include "ntt/nn/network_file.h"
#include "ntt/train/record.h"

namespace ntt {

TrainingRun run_training(Network& network, const TrainingData& data, TrainingOptions options, RunRequest request,
                         std::map<std::string, std::string> metadata, const DataFormat& format) {
  const auto settle = [&](const char* name, std::optional<double>& value, double standard) {
    value = value.value_or(standard);
    fill_in(request.options, name, fmt::format("{}", *value), TomlOption::Kind::kNumber);
  };
  settle("learning-rate", options.learning_rate, default_learning_rate(options.optimiser, network.graph()));
  settle("weight-decay", options.weight_decay, default_weight_decay(options.optimiser));
  const OpenRun opened(request, *options.observer);
  options.seed = request.seed;
  options.out = request.out;
  options.resume = opened.resume();
  const TrainingResult result = train(network, data, options);
  metadata["model"] = network.graph().name;
  nlohmann::json record = result_record(request, result.seconds, result.ms_per_step);
  for (const char* name : {"model", "method", "data"}) {
    if (metadata.contains(name)) {
      record[name] = metadata[name];
    }
  }
  record["density"] = network.density();
  record["execution"] = to_string(result.execution);
  record["cost"] = cost_record(network);
  record["figures"] = training_figures(result, options.select);
  if (!request.out.empty()) {
    const RunFolder folder(request.out);
    set_data_format(metadata, format);
    write_network(folder.file(kNetworkFile), network, metadata);
    folder.write_result(record);
  }
  return {result, std::move(record)};
}

}  // namespace ntt
