#include "cli/run_support.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <CLI/Validators.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>

#include "cli/config.h"
#include "ntt/core/error.h"
#include "ntt/core/threads.h"
#include "ntt/graph/graph.h"
#include "ntt/report/table.h"

namespace ntt {

CLI::App* add_run_command(CLI::App& app, const std::string& name, const std::string& description,
                          const std::string& example) {
  CLI::App* subcommand = app.add_subcommand(name, description);
  subcommand->option_defaults()->always_capture_default();
  subcommand->footer("Example:\n  " + example);
  return subcommand;
}

void add_data_option(CLI::App& subcommand, CommonOptions& options) {
  subcommand.add_option("--data", options.data,
                        "mnist, fashion-mnist, cifar-10, cifar-100, svhn, glyphs, or a folder of .npy files");
  // Without a captured default, as an empty list has no spelling in config.toml.
  subcommand.add_option("--classes", options.classes, "Only these classes, relabelled from 0: 0,1")
      ->delimiter(',')
      ->type_name("CLASS,...")
      ->default_str("");
}

void add_machine_options(CLI::App& subcommand, CommonOptions& options) {
  subcommand.add_option("--threads", options.threads, "Threads to use; 0: one per processor")
      ->check(CLI::Range(0, 4096));
  subcommand.add_option("--device", options.device, "cpu, cuda or cuda:N");
  subcommand.add_flag("--json", options.json, "Print the results as one JSON object");
  add_config_option(subcommand);
}

void add_execution_option(CLI::App& subcommand, Execution& execution, const std::string& help) {
  subcommand
      .add_option_function<std::string>(
          "--execution", [&execution](const std::string& name) { execution = parse_execution(name); }, help)
      ->check(CLI::IsMember({"auto", "sparse", "dense"}))
      ->default_str(to_string(execution));
}

void add_seed_option(CLI::App& subcommand, CommonOptions& options) {
  subcommand.add_option("--seed", options.seed, "Seed of every random draw")
      ->check(CLI::NonNegativeNumber);  // CLI11 would wrap -1 round to the largest seed
}

void add_out_options(CLI::App& subcommand, CommonOptions& options, double& checkpoint_seconds) {
  subcommand.add_option("--out", options.out, "Run folder to write")->required()->type_name("DIR");
  // Not in config.toml, which would then ask for a resumption wherever it is used again.
  subcommand.add_flag("--resume", options.resume, "Go on from the checkpoint in --out")->configurable(false);
  subcommand.add_option("--checkpoint-seconds", checkpoint_seconds, "Save the state so often; 0: after every step")
      ->check(CLI::NonNegativeNumber);
}

void add_tensorboard_option(CLI::App& subcommand, bool& tensorboard) {
  subcommand.add_flag("--tensorboard", tensorboard, "Write metrics as an event file for TensorBoard too");
}

void apply_threads(int count) {
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  set_threads(count > 0 ? count : processors);
}

LoadedData load_data(const CommonOptions& options, at::Device device, const DataFormat& network) {
  LoadedData data = load_data(options.data, device, options.classes, network.normalisation);
  spdlog::info("data: {}, {} training and {} test inputs of {}, {} classes{}", data.name,
               format_count(data.train_inputs.size(0)), format_count(data.test_inputs.size(0)), to_string(data.input),
               data.classes, data.note.empty() ? "" : fmt::format(" ({})", data.note));
  if (data.normalisation != data.own_normalisation) {
    spdlog::info(
        "inputs are standardised as the network has it, by mean {:.4g} and deviation {:.4g}, not by {}'s own, "
        "{:.4g} and {:.4g}",
        fmt::join(data.normalisation.mean, ", "), fmt::join(data.normalisation.standard_deviation, ", "), data.name,
        fmt::join(data.own_normalisation.mean, ", "), fmt::join(data.own_normalisation.standard_deviation, ", "));
  }
  return data;
}

DataFormat format_of(const LoadedData& data) {
  return {data.normalisation, data.class_names};
}

RunRequest request_of(const CLI::App& subcommand, const CommonOptions& options) {
  const CLI::App& parent = *subcommand.get_parent();
  const std::string group = parent.get_parent() == nullptr ? "" : parent.get_name() + " ";
  return {group + subcommand.get_name(), resolved_options(subcommand), options.seed, options.out, options.resume};
}

void print_result(const CommonOptions& options, const nlohmann::json& record,
                  const std::vector<std::pair<std::string, std::string>>& rows) {
  if (options.json) {
    fmt::print("{}\n", record.dump(2));
  } else {
    std::size_t width = 0;
    for (const auto& row : rows) {
      width = std::max(width, row.first.size());
    }
    for (const auto& [name, value] : rows) {
      fmt::print("{:<{}}  {}\n", name, width, value);
    }
  }
  if (std::fflush(stdout) != 0) {
    fail_run("cannot write to standard output: {}", std::generic_category().message(errno));
  }
}

}  // namespace ntt
