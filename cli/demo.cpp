#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/process/terminal_observer.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/data/dataset.h"
#include "ntt/find/find.h"
#include "ntt/nn/dense_network.h"
#include "ntt/nn/network_file.h"
#include "ntt/prune/mask.h"
#include "ntt/report/table.h"
#include "ntt/train/trainer.h"
#include "ntt/version.h"

namespace ntt {
namespace {

constexpr const char* kModel = "lenet-300-100";
constexpr double kDensity = 0.03;
constexpr std::int64_t kTransferEpochs = 30;
constexpr std::int64_t kTrainingEpochs = 5;

/// One network of the comparison, after its supervised training.
struct Contestant {
  std::string name;
  std::string kernel_distance = "-";
  double density = 1;
  std::vector<double> test_accuracy;  ///< after each epoch
  double seconds = 0;                 ///< search and training
};

/// The demo's folder, emptied of an earlier demo's results; InputError if it holds anything else.
std::filesystem::path fresh_folder(const std::filesystem::path& out) {
  const RunFolder folder(out);
  if (folder.finished() && folder.read_result().value("what", "") == "demo") {
    std::filesystem::remove_all(out);
  }
  if (std::filesystem::exists(out) && !std::filesystem::is_empty(out)) {
    for (const auto& entry : std::filesystem::directory_iterator(out)) {
      if (!entry.path().filename().string().starts_with("demo-")) {
        fail_input("'{}' already holds something that is not a demo's; choose another --out", out.string());
      }
    }
    std::filesystem::remove_all(out);  // a demo that was stopped half-way
  }
  folder.create();
  return out;
}

Contestant train_contestant(const std::string& name, Network network, const LoadedData& data,
                            const CommonOptions& common, const std::filesystem::path& out) {
  spdlog::info("training: {}", name);
  const RunFolder folder(out / ("demo-" + name));
  folder.create();
  TrainingOptions options;
  options.epochs = kTrainingEpochs;
  options.seed = common.seed;
  options.out = folder.path();
  TerminalObserver observer;
  options.observer = &observer;
  const std::int64_t training_inputs =
      split_indices(data.train_inputs.size(0), options.held_out, options.seed).train.size(0);
  options.evaluate_every = training_inputs / options.batch_size;
  const TrainingResult result =
      train(network, {data.train_inputs, data.train_labels, data.test_inputs, data.test_labels}, options);
  std::map<std::string, std::string> metadata{{"model", kModel}, {"method", name}, {"data", data.name}};
  set_data_format(metadata, format_of(data));
  write_network(folder.file(kNetworkFile), network, metadata);
  folder.write_result({{"what", "train"}, {"method", name}, {"test_accuracy", result.last.test_accuracy}});

  Contestant contestant{name, "-", network.density(), {}, result.seconds};
  for (const nlohmann::json& line : read_metrics(folder.file(kMetricsFile))) {
    if (line.at("step").get<std::int64_t>() > 0) {
      contestant.test_accuracy.push_back(line.at("test_accuracy").get<double>());
    }
  }
  return contestant;
}

void print_table(const std::vector<Contestant>& contestants) {
  std::vector<Column> columns = {{"network"}, {"density", Align::right}, {"kernel distance", Align::right}};
  for (std::int64_t epoch = 1; epoch <= kTrainingEpochs; ++epoch) {
    columns.push_back({fmt::format("epoch {}", epoch), Align::right});
  }
  columns.push_back({"time", Align::right});
  Table table(columns);
  for (const Contestant& contestant : contestants) {
    std::vector<std::string> cells = {contestant.name, fmt::format("{:.3g}", contestant.density),
                                      contestant.kernel_distance};
    for (const double accuracy : contestant.test_accuracy) {
      cells.push_back(format_percent(accuracy));
    }
    cells.push_back(format_seconds(contestant.seconds));
    table.add_row(cells);
  }
  fmt::print("Test accuracy after each epoch of supervised training ({} on glyphs):\n\n{}\n", kModel, table.str());
}

void run_demo(const CLI::App& subcommand, const CommonOptions& common) {
  apply_threads(common.threads);
  const std::filesystem::path out = fresh_folder(common.out);
  CommonOptions on_glyphs = common;
  on_glyphs.data = "glyphs";
  const LoadedData data = load_data(on_glyphs, at::kCPU);
  const Network dense = dense_network({kModel, {}, {}}, data.train_inputs, data.classes, common.seed);

  FindOptions options;
  options.transfer.step.density = kDensity;
  options.transfer.step.seed = common.seed;
  options.transfer.epochs = kTransferEpochs;
  options.transfer.out = out / "demo-ntt-transfer";
  RunFolder(options.transfer.out).create();
  TerminalObserver observer;
  options.transfer.observer = &observer;
  FoundNetwork found = find_sparse_network(dense.clone(), data.train_inputs, {}, options);
  write_found(options.transfer.out, found.teacher, found.network, found.method,
              {{"data", data.name}, {"provenance", fmt::format("ntt {} demo --seed {}", NTT_VERSION, common.seed)}},
              format_of(data));
  const TransferResult& transfer = found.transfer.value();

  Network random = dense.clone();
  mask_by_scores(random, random_scores(random, common.seed), kDensity, Scope::layer);
  std::vector<Contestant> contestants;
  contestants.push_back(train_contestant("ntt", std::move(found.network), data, common, out));
  contestants.back().kernel_distance = fmt::format("{:.0f} -> {:.0f}", transfer.before.kernel, transfer.after.kernel);
  contestants.back().seconds += transfer.seconds;
  contestants.push_back(train_contestant("random", std::move(random), data, common, out));
  contestants.push_back(train_contestant("dense", dense.clone(), data, common, out));
  print_table(contestants);

  nlohmann::json record = result_record(request_of(subcommand, common), 0, transfer.ms_per_step);
  record.erase("seconds");
  for (const Contestant& contestant : contestants) {
    record["test_accuracy"][contestant.name] = contestant.test_accuracy;
  }
  RunFolder(out).write_result(record);
  fmt::print("The NTT network was found without a label, in {}. Runs are in {}.\n", format_seconds(transfer.seconds),
             out.string());
}

}  // namespace

void add_demo_command(CLI::App& app) {
  auto common = std::make_shared<CommonOptions>();
  common->seed = 1;
  common->out = "runs/demo";
  CLI::App* demo = add_run_command(app, "demo", "Find a sparse network on drawn glyphs and train it against rivals",
                                   "ntt demo --out runs/demo");
  demo->add_option("--out", common->out, "The folder for its runs; an earlier demo there is replaced")
      ->type_name("DIR");
  add_seed_option(*demo, *common);
  demo->add_option("--threads", common->threads, "Threads; 0: one per processor")->check(CLI::NonNegativeNumber);
  demo->callback([demo, common] { run_demo(*demo, *common); });
}

}  // namespace ntt
