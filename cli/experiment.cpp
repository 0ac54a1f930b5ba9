#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/process/terminal_observer.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/experiment/runner.h"
#include "ntt/experiment/tally.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

struct ExperimentCommand {
  CommonOptions common;
  std::string file;
  std::string profile = "full";
  int processes = 0;
  bool retry_failed = false;
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// "96.43 % (3)": the mean and how many there are.
std::string mean_accuracy(const std::vector<double>& accuracies) {
  if (accuracies.empty()) {
    return "-";
  }
  return fmt::format("{} ({})", format_percent(mean(accuracies)), accuracies.size());
}

std::string time_left(const std::vector<JobRecord>& records, int processes) {
  const double left = seconds_left(records, processes);
  return left < 0 ? "not known yet" : left == 0 ? "none" : format_seconds(left);
}

/// A row a point; where networks were found is told if any were trained elsewhere.
std::string status_table(const std::vector<JobRecord>& records) {
  const auto tallies = tallies_of(records);
  const bool moved =
      std::ranges::any_of(tallies, [](const auto& entry) { return entry.first.found_on != entry.first.data; });
  const Align right = Align::right;
  std::vector<Column> columns{
      {"trained on"}, {"found on"},         {"model"},         {"density", right},    {"scope"},
      {"method"},     {"jobs done", right}, {"failed", right}, {"validation", right}, {"test accuracy", right}};
  if (!moved) {
    columns.erase(columns.begin() + 1);
  }
  Table table(columns);
  for (const auto& [point, tally] : tallies) {
    std::vector<std::string> row{point.data,
                                 point.found_on,
                                 point.model,
                                 fmt::format("{:.4g}", point.density),
                                 point.scope,
                                 point.method,
                                 fmt::format("{} of {}", tally.done, tally.jobs),
                                 tally.failed == 0 ? "" : format_count(tally.failed),
                                 tally.validations.empty() ? "" : format_percent(mean(tally.validations)),
                                 mean_accuracy(tally.accuracies)};
    if (!moved) {
      row.erase(row.begin() + 1);
    }
    table.add_row(row);
  }
  return table.str();
}

void print_status(const CommonOptions& common, JobStore& store, int processes) {
  const std::vector<JobRecord> records = store.all();
  if (common.json) {
    fmt::print("{}\n", status_record(records, processes).dump(2));
    return;
  }
  fmt::print("{}\n{} of {} jobs done, {} running, {} waiting, {} failed; time left: {}\n", status_table(records),
             count(records, JobState::done), records.size(), count(records, JobState::running),
             count(records, JobState::waiting), count(records, JobState::failed), time_left(records, processes));
  for (const JobRecord& record : records) {
    if (record.state == JobState::failed) {
      fmt::print("failed: {}: {}\n", record.job.name, record.error);
    }
  }
}

int processes_of(const ExperimentCommand& command) {
  return command.processes > 0 ? command.processes
                               : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

void run_experiment(ExperimentCommand& command) {
  const ExperimentPlan plan = read_plan(command.file, command.profile == "quick");
  const std::filesystem::path folder = command.common.out.empty() ? std::filesystem::path("runs") / plan.name
                                                                  : std::filesystem::path(command.common.out);
  RunFolder(folder).create();
  JobStore store(folder / kDatabaseFile);
  store.add(plan.jobs);
  if (command.retry_failed) {
    store.retry_failed();
  }
  const int processes = processes_of(command);
  spdlog::info("experiment {}: {} jobs in {}, {} at once", plan.name, plan.jobs.size(), folder.string(), processes);
  TerminalObserver observer;
  run_jobs(store,
           {std::filesystem::read_symlink("/proc/self/exe"), std::filesystem::absolute(folder), processes, &observer},
           [&](const JobRecord& ended) {
             const std::vector<JobRecord> records = store.states();
             const std::int64_t over = count(records, JobState::done) + count(records, JobState::failed);
             const double accuracy = test_accuracy(ended.result);
             const std::string found = std::isnan(accuracy) ? "" : fmt::format(", {}", format_percent(accuracy));
             if (ended.state == JobState::failed) {
               spdlog::warn("{} of {}: {} failed: {}", over, records.size(), ended.job.name, ended.error);
             } else {
               spdlog::info("{} of {}: {} in {}{}; time left: {}", over, records.size(), ended.job.name,
                            format_seconds(ended.seconds), found, time_left(records, processes));
             }
           });
  print_status(command.common, store, processes);
  spdlog::info("ntt report {} draws it", folder.string());
  const std::int64_t failed = count(store.states(), JobState::failed);
  if (failed > 0) {
    fail_run("{} jobs failed; see above, and run again with --retry-failed", failed);
  }
}

void show_status(const ExperimentCommand& command) {
  const std::filesystem::path database = std::filesystem::path(command.file) / kDatabaseFile;
  if (!std::filesystem::exists(database)) {
    fail_input("{} holds no experiment: there is no {}", command.file, kDatabaseFile);
  }
  JobStore store(database);
  print_status(command.common, store, processes_of(command));
}

}  // namespace

void add_experiment_command(CLI::App& app) {
  CLI::App* experiment = app.add_subcommand("experiment", "Run a grid of methods, densities and seeds, and watch it");
  experiment->require_subcommand(1);
  experiment->footer("Example:\n  ntt experiment run experiments/fashion-mlp.toml --profile quick");
  auto command = std::make_shared<ExperimentCommand>();

  CLI::App* run = add_run_command(*experiment, "run", "Run an experiment, or what is left of it",
                                  "ntt experiment run experiments/fashion-mlp.toml --profile quick");
  run->add_option("file", command->file, "The experiment")->required()->type_name("FILE.toml");
  run->add_option("--profile", command->profile, "The whole grid, or the file's quick one")
      ->check(CLI::IsMember({"full", "quick"}));
  run->add_option("--out", command->common.out, "Its folder (default: runs/NAME)")->type_name("DIR");
  run->add_option("--processes", command->processes, "Jobs at once; 0: one per processor")
      ->check(CLI::NonNegativeNumber);
  run->add_flag("--retry-failed", command->retry_failed, "Run failed jobs once more");
  run->add_flag("--json", command->common.json, "Print one JSON object");
  run->callback([command] { run_experiment(*command); });

  CLI::App* status = add_run_command(*experiment, "status", "What is done, what is left, what was found so far",
                                     "ntt experiment status runs/fashion-mlp");
  status->add_option("folder", command->file, "The experiment's folder")->required()->type_name("DIR");
  status->add_option("--processes", command->processes, "Jobs at once, for the time left; 0: one per processor")
      ->check(CLI::NonNegativeNumber);
  status->add_flag("--json", command->common.json, "Print one JSON object");
  status->callback([command] { show_status(*command); });
}

}  // namespace ntt
