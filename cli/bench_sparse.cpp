#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/bench_network.h"
#include "cli/commands.h"
#include "cli/process/interrupt.h"
#include "cli/process/progress.h"
#include "cli/run_support.h"
#include "cli/sparse_timing.h"
#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"
#include "ntt/nn/cost.h"
#include "ntt/report/table.h"
#include "ntt/sparse/break_even.h"
#include "ntt/sparse/ceiling.h"
#include "ntt/sparse/operations.h"
#include "ntt/sparse/predictor.h"

namespace ntt {
namespace {

struct BenchSparseOptions {
  CommonOptions common;
  std::vector<std::string> models{"lenet-300-100", "lenet-5-caffe", "conv-4"};
  std::vector<double> densities{1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01};
  std::vector<std::int64_t> batch_sizes{1, 16, 64, 256};
  bool layers = false;
  double seconds = 0.15;
  std::string network;
};

const std::vector<std::string> kWorkloads{"inference", "training"};

nlohmann::json timing_record(const CallTime& dense, const CallTime& sparse) {
  return {{"dense_ms", dense.ms},
          {"sparse_ms", sparse.ms},
          {"ratio", dense.ms / sparse.ms},
          {"dense_calls", dense.calls},
          {"sparse_calls", sparse.calls}};
}

struct Bounds {
  double ms = 0;
  std::map<std::string, double> ms_of;  ///< by the name of what bounds
};

Bounds sum_bounds(const std::vector<LayerOperations>& layers, const SparseCeilings& ceilings,
                  const CacheSizes& caches) {
  Bounds bounds;
  for (const LayerOperations& layer : layers) {
    const LayerBound bound = bound_of(layer, ceilings, caches);
    bounds.ms += bound.ms;
    bounds.ms_of[bound.name] += bound.ms;
  }
  return bounds;
}

/// A case at one density: what its weights take, and how it runs inference.
struct Counted {
  Counted(const Graph& graph, double density, std::uint64_t seed) : Counted(draw_masked(graph, density, seed)) {}
  explicit Counted(Network network)
      : cost(total_cost(layer_costs(network))), sparse(std::move(network), Execution::sparse) {}

  TotalCost cost;
  Predictor sparse;
};

/// What the answers to one batch take, beside what this machine could do at most; `kept` is the multiply-adds that they
/// would take if all rows were read.
nlohmann::json operations_record(const std::vector<LayerOperations>& layers, std::int64_t kept, double ms,
                                 const SparseCeilings& ceilings) {
  std::int64_t multiply_adds = 0;
  std::int64_t register_adds = 0;
  std::int64_t loads = 0;
  for (const LayerOperations& layer : layers) {
    multiply_adds += layer.multiply_adds;
    register_adds += layer.register_adds;
    loads += layer.loads;
  }
  CacheSizes caches = cache_sizes();
  Bounds bounds = sum_bounds(layers, ceilings, caches);
  if (bounds.ms > ms) {
    // Faster than the second level can be: most of the inputs are found in the first after all.
    caches.first = std::numeric_limits<std::int64_t>::max();
    bounds = sum_bounds(layers, ceilings, caches);
  }
  const auto most = std::ranges::max_element(bounds.ms_of, {}, [](const auto& entry) { return entry.second; });
  return {{"multiply_adds", multiply_adds},
          {"read_share", static_cast<double>(multiply_adds) / static_cast<double>(kept)},
          {"register_multiply_adds", register_adds},
          {"loads_per_register_multiply_add", static_cast<double>(loads) / static_cast<double>(register_adds)},
          {"gmacs", static_cast<double>(multiply_adds) / ms / 1e6},
          {"bound", most->first},
          {"bound_ms", bounds.ms},
          {"share_of_bound", bounds.ms / ms}};
}

class SparseBench {
 public:
  explicit SparseBench(const BenchSparseOptions& options) : options_(options) {
    for (const std::string& model : options.models) {
      cases_.push_back(model_case(model));
      if (options.layers) {
        for (SparseCase& layer : layer_cases(model)) {
          cases_.push_back(std::move(layer));
        }
      }
    }
  }

  void run() {
    const InterruptGuard guard;
    ceilings_ = measure_sparse_ceilings();
    Progress progress("bench sparse", static_cast<std::int64_t>(cases_.size() * options_.batch_sizes.size()),
                      "batch size");
    std::int64_t done = 0;
    progress.update(0);
    for (const SparseCase& timed : cases_) {
      SparseTimer timer(timed, options_.densities, options_.common.seed);
      std::vector<Counted> counted;
      for (const double density : options_.densities) {
        counted.emplace_back(timed.inference, density, options_.common.seed);
      }
      for (const std::int64_t batch_size : options_.batch_sizes) {
        measure(timed, timer, counted, batch_size);
        progress.update(++done, fmt::format("{}, batch {}", timed.name, batch_size));
      }
    }
    progress.finish();
    find_break_evens();
  }

  nlohmann::json ceilings() const {
    return {{"fma", ceilings_.arithmetic},
            {"l1_loads", ceilings_.first_cache},
            {"l2_loads", ceilings_.second_cache},
            {"gathers", ceilings_.gather}};
  }
  const nlohmann::json& rows() const { return rows_; }
  const nlohmann::json& break_evens() const { return break_evens_; }

 private:
  void measure(const SparseCase& timed, SparseTimer& timer, const std::vector<Counted>& counted,
               std::int64_t batch_size) {
    const double seconds = options_.seconds;
    const std::map<std::string, SparseTimes> times{{"inference", timer.inference(batch_size, seconds)},
                                                   {"training", timer.training(batch_size, seconds)}};
    for (std::size_t i = 0; i < options_.densities.size(); ++i) {
      const TotalCost& cost = counted[i].cost;
      nlohmann::json row{{"network", timed.name},
                         {"kind", timed.kind},
                         {"density", options_.densities[i]},
                         {"batch_size", batch_size},
                         {"weights", cost.weights},
                         {"kept", cost.kept},
                         {"dense_weight_bytes", timer.dense_weight_bytes()},
                         {"sparse_weight_bytes", timer.sparse_weight_bytes(i)},
                         {"dense_file_bytes", cost.dense_bytes},
                         {"compact_file_bytes", cost.compact_bytes}};
      for (const auto& [workload, found] : times) {
        row[workload] = timing_record(found.dense, found.sparse[i]);
      }
      row["inference"].update(operations_record(counted[i].sparse.operations(batch_size),
                                                batch_size * cost.sparse_multiply_adds,
                                                times.at("inference").sparse[i].ms, ceilings_));
      rows_.push_back(std::move(row));
    }
  }

  /// Of each model and, where layers are timed alone, of all layers of a kind together.
  void find_break_evens() {
    std::vector<std::string> groups;
    std::map<std::string, std::string> key_of;
    for (const SparseCase& timed : cases_) {
      const std::string group = timed.kind == "model" ? timed.name : timed.kind;
      if (std::ranges::find(groups, group) == groups.end()) {
        groups.push_back(group);
        key_of[group] = timed.kind == "model" ? "network" : "kind";
      }
    }
    for (const std::string& group : groups) {
      for (const std::string& workload : kWorkloads) {
        for (const std::int64_t batch_size : options_.batch_sizes) {
          const std::optional<double> found =
              break_even_density(sums_over(key_of.at(group), group, workload, batch_size));
          break_evens_.push_back({{"of", group},
                                  {"workload", workload},
                                  {"batch_size", batch_size},
                                  {"density", found ? nlohmann::json(*found) : nlohmann::json()}});
        }
      }
    }
  }

  std::vector<DensityTime> sums_over(const std::string& key, const std::string& group, const std::string& workload,
                                     std::int64_t batch_size) const {
    std::map<double, DensityTime> sums;
    for (const nlohmann::json& row : rows_) {
      if (row.at(key) == group && row.at("batch_size") == batch_size) {
        DensityTime& sum = sums[row.at("density").get<double>()];
        sum.density = row.at("density").get<double>();
        sum.dense_ms += row.at(workload).at("dense_ms").get<double>();
        sum.sparse_ms += row.at(workload).at("sparse_ms").get<double>();
      }
    }
    std::vector<DensityTime> times;
    times.reserve(sums.size());
    for (const auto& entry : sums) {
      times.push_back(entry.second);
    }
    return times;
  }

  const BenchSparseOptions& options_;
  std::vector<SparseCase> cases_;
  SparseCeilings ceilings_;
  nlohmann::json rows_ = nlohmann::json::array();
  nlohmann::json break_evens_ = nlohmann::json::array();
};

std::string milliseconds(const nlohmann::json& value) {
  return fmt::format("{:.3f}", value.get<double>());
}
std::string times(const nlohmann::json& timing) {
  return fmt::format("{:.2f}", timing.at("ratio").get<double>());
}
std::string bytes(const nlohmann::json& value) {
  return format_bytes(value.get<double>());
}

std::string rows_table(const nlohmann::json& rows) {
  constexpr auto kRight = Align::right;
  Table table({{"network"},
               {"density", kRight},
               {"batch", kRight},
               {"answer ms: dense", kRight},
               {"sparse", kRight},
               {"ratio", kRight},
               {"step ms: dense", kRight},
               {"sparse", kRight},
               {"ratio", kRight},
               {"in memory", kRight},
               {"on disk", kRight},
               {"read", kRight},
               {"loads", kRight},
               {"GMAC/s", kRight},
               {"of bound", kRight},
               {"bound"}});
  for (const nlohmann::json& row : rows) {
    const nlohmann::json& inference = row.at("inference");
    const nlohmann::json& training = row.at("training");
    table.add_row({row.at("network").get<std::string>(), fmt::format("{:g}", row.at("density").get<double>()),
                   fmt::format("{}", row.at("batch_size").get<std::int64_t>()), milliseconds(inference.at("dense_ms")),
                   milliseconds(inference.at("sparse_ms")), times(inference), milliseconds(training.at("dense_ms")),
                   milliseconds(training.at("sparse_ms")), times(training), bytes(row.at("sparse_weight_bytes")),
                   bytes(row.at("compact_file_bytes")), format_percent(inference.at("read_share").get<double>(), 0),
                   fmt::format("{:.2f}", inference.at("loads_per_register_multiply_add").get<double>()),
                   fmt::format("{:.2f}", inference.at("gmacs").get<double>()),
                   format_percent(inference.at("share_of_bound").get<double>(), 0),
                   inference.at("bound").get<std::string>()});
  }
  return table.str();
}

std::string break_even_table(const nlohmann::json& break_evens, const std::vector<std::int64_t>& batch_sizes) {
  std::vector<Column> columns{{"break-even density"}, {"of"}};
  for (const std::int64_t batch_size : batch_sizes) {
    columns.push_back({fmt::format("batch {}", batch_size), Align::right});
  }
  Table table(columns);
  for (std::size_t i = 0; i < break_evens.size(); i += batch_sizes.size()) {
    std::vector<std::string> cells{break_evens[i].at("of"), break_evens[i].at("workload")};
    for (std::size_t j = i; j < i + batch_sizes.size(); ++j) {
      const nlohmann::json& density = break_evens[j].at("density");
      cells.push_back(density.is_null() ? "none" : fmt::format("{:.2f}", density.get<double>()));
    }
    table.add_row(cells);
  }
  return table.str();
}

void bench_sparse(const CLI::App& subcommand, const BenchSparseOptions& options) {
  apply_threads(options.common.threads);
  if (!parse_device(options.common.device).is_cpu()) {
    fail_input("ntt bench sparse measures the CPU; leave --device out");
  }
  for (const double density : options.densities) {
    if (!(density > 0 && density <= 1)) {
      fail_input("--densities has {}, but densities lie above 0 and are at most 1", density);
    }
  }
  const c10::InferenceMode without_autograd;
  if (!options.network.empty()) {
    bench_network(subcommand, options.common, {options.network, options.batch_sizes, options.seconds});
    return;
  }
  const Stopwatch watch;
  SparseBench bench(options);
  bench.run();
  const double seconds = watch.seconds();
  if (!options.common.json) {
    const nlohmann::json ceilings = bench.ceilings();
    fmt::print("{}\n{}\nceilings, GMAC/s: {:.0f} FMA, {:.0f} L1 loads, {:.0f} L2 loads, {:.1f} gathers\n",
               rows_table(bench.rows()), break_even_table(bench.break_evens(), options.batch_sizes),
               ceilings.at("fma").get<double>(), ceilings.at("l1_loads").get<double>(),
               ceilings.at("l2_loads").get<double>(), ceilings.at("gathers").get<double>());
  }
  nlohmann::json record = result_record(request_of(subcommand, options.common), seconds, 0);
  record.erase("ms_per_step");
  record.update({{"ceilings_gmacs", bench.ceilings()}, {"rows", bench.rows()}, {"break_even", bench.break_evens()}});
  print_result(options.common, record, {});
}

}  // namespace

void add_bench_sparse_command(CLI::App& bench) {
  CLI::App* sparse = add_run_command(bench, "sparse", "Time inference and training steps, sparse against dense",
                                     "ntt bench sparse --network pruned.onnx\n"
                                     "  ntt bench sparse --layers\n"
                                     "  ntt bench sparse --model conv-4 --densities 0.1,0.03 --batch-sizes 64 --json");
  auto options = std::make_shared<BenchSparseOptions>();
  CLI::Option* network = sparse->add_option("--network", options->network,
                                            "Run folder, network file or .onnx: inference with its own weights, of "
                                            "which those that are 0 count as pruned");
  network->type_name("DIR|FILE");
  sparse
      ->add_option("--model", options->models,
                   "Built-in models or .toml files (default: lenet-300-100,lenet-5-caffe,conv-4)")
      ->delimiter(',')
      ->excludes(network)
      ->type_name("MODEL,...");
  sparse->add_option("--densities", options->densities, "Densities, in each layer")
      ->delimiter(',')
      ->excludes(network)
      ->type_name("DENSITY,...");
  sparse->add_option("--batch-sizes", options->batch_sizes, "Inputs at once")
      ->delimiter(',')
      ->type_name("INT,...")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 16));
  sparse->add_flag("--layers", options->layers, "Each layer by itself, too, and the break-even density of each kind")
      ->excludes(network);
  sparse->add_option("--seconds", options->seconds, "How long to measure each time")->check(CLI::PositiveNumber);
  add_seed_option(*sparse, options->common);
  add_machine_options(*sparse, options->common);
  sparse->callback([sparse, options] { bench_sparse(*sparse, *options); });
}

}  // namespace ntt
