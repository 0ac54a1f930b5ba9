#include "cli/bench_network.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/process/interrupt.h"
#include "cli/process/progress.h"
#include "cli/sparse_timing.h"
#include "ntt/core/random.h"
#include "ntt/core/stopwatch.h"
#include "ntt/core/threads.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"
#include "ntt/sparse/predictor.h"

namespace ntt {
namespace {

/// One network at one batch size.
nlohmann::json measure(const Predictor& dense, const Predictor& sparse, const Predictor& automatic, const Shape& input,
                       std::int64_t batch_size, double seconds) {
  RandomStream stream(0, "bench");
  Shape shape{batch_size};
  shape.insert(shape.end(), input.begin(), input.end());
  const at::Tensor inputs = random_normal(stream, shape, 1.0, at::kFloat);
  at::Tensor outputs = at::empty({batch_size, dense.outputs()}, at::kFloat);
  const auto call = [&](const Predictor& predictor) {
    return [&] { predictor.predict(inputs.data_ptr<float>(), batch_size, outputs.data_ptr<float>()); };
  };
  const std::vector<CallTime> times = time_in_turn({call(dense), call(sparse), call(automatic)}, seconds);
  std::int64_t multiply_adds = 0;
  for (const LayerOperations& layer : sparse.operations(batch_size)) {
    multiply_adds += layer.multiply_adds;
  }
  return {{"batch_size", batch_size},
          {"dense_ms", times[0].ms},
          {"sparse_ms", times[1].ms},
          {"auto_ms", times[2].ms},
          {"ratio", times[0].ms / times[1].ms},
          {"sparse_calls", times[1].calls},
          {"dense_weight_bytes", dense.weight_bytes(batch_size)},
          {"sparse_weight_bytes", sparse.weight_bytes(batch_size)},
          {"gmacs", static_cast<double>(multiply_adds) / times[1].ms / 1e6}};
}

std::string rows_table(const nlohmann::json& rows) {
  constexpr auto kRight = Align::right;
  Table table({{"batch", kRight},
               {"dense, ms", kRight},
               {"sparse, ms", kRight},
               {"ratio", kRight},
               {"auto, ms", kRight},
               {"inputs a second", kRight},
               {"weights: dense", kRight},
               {"sparse", kRight},
               {"GMAC/s", kRight}});
  for (const nlohmann::json& row : rows) {
    const auto batch = row.at("batch_size").get<std::int64_t>();
    const double ms = row.at("sparse_ms").get<double>();
    table.add_row({format_count(batch), fmt::format("{:.3f}", row.at("dense_ms").get<double>()),
                   fmt::format("{:.3f}", ms), fmt::format("{:.2f}", row.at("ratio").get<double>()),
                   fmt::format("{:.3f}", row.at("auto_ms").get<double>()),
                   format_count(static_cast<std::int64_t>(1e3 * static_cast<double>(batch) / ms)),
                   format_bytes(row.at("dense_weight_bytes").get<double>()),
                   format_bytes(row.at("sparse_weight_bytes").get<double>()),
                   fmt::format("{:.1f}", row.at("gmacs").get<double>())});
  }
  return table.str();
}

}  // namespace

void bench_network(const CLI::App& subcommand, const CommonOptions& common, const BenchNetworkOptions& options) {
  const InterruptGuard guard;
  const Stopwatch watch;
  Network network = read_network(options.network).network;
  mask_zeros(network);
  const double density = network.density();
  const Shape input = network.graph().input_shape();
  const std::string name = network.graph().name;
  const Predictor dense(network.clone(), Execution::dense);
  const Predictor sparse(network.clone(), Execution::sparse);
  const Predictor automatic(std::move(network));
  nlohmann::json rows = nlohmann::json::array();
  Progress progress("bench sparse", static_cast<std::int64_t>(options.batch_sizes.size()), "batch size");
  progress.update(0);
  for (const std::int64_t batch_size : options.batch_sizes) {
    rows.push_back(measure(dense, sparse, automatic, input, batch_size, options.seconds));
    progress.update(static_cast<std::int64_t>(rows.size()), fmt::format("batch {}", batch_size));
  }
  progress.finish();
  if (!common.json) {
    fmt::print("{}, inputs of {}, {} of the weights kept, {} threads\n\n{}", name, to_string(input),
               format_percent(density), threads(), rows_table(rows));
  }
  nlohmann::json record = result_record(request_of(subcommand, common), watch.seconds(), 0);
  record.erase("ms_per_step");
  record.update({{"network", name}, {"density", density}, {"rows", rows}});
  print_result(common, record, {});
}

}  // namespace ntt
