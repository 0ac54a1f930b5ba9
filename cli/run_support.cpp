#include "cli/run_support.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <toml++/toml.h>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <system_error>
#include <thread>

#include "cli/config.h"
#include "ntt/core/error.h"
#include "ntt/core/threads.h"
#include "ntt/graph/graph.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/toml_options.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

/// What may change between the start of a run and its resumption: it stays the same run, though other threads or
/// another device round its sums differently.
const std::set<std::string> kFreeOptions{"threads", "device", "out", "json", "checkpoint-seconds", "tensorboard"};

std::map<std::string, std::string> options_of(const std::filesystem::path& config, const std::string& command) {
  std::map<std::string, std::string> options;
  for (const TomlOption& option : read_toml_options(config, command, {command})) {
    if (!kFreeOptions.contains(option.name)) {
      options[option.name] = fmt::format("{}", fmt::join(option.values, ","));
    }
  }
  return options;
}

std::string shown(const std::map<std::string, std::string>& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? "not given" : found->second;
}

/// Compares the options as they stand, freshly written to `now`, with those of the folder's earlier start. An option
/// that the earlier start did not have, being of an older version, must be at its default.
void check_same_options(const std::filesystem::path& earlier_file, const std::filesystem::path& now_file,
                        const CLI::App& subcommand) {
  const std::string& command = subcommand.get_name();
  const auto earlier = options_of(earlier_file, command);
  const auto now = options_of(now_file, command);
  std::set<std::string> names;
  for (const auto* options : {&earlier, &now}) {
    for (const auto& entry : *options) {
      names.insert(entry.first);
    }
  }
  for (const std::string& name : names) {
    const CLI::Option* option = subcommand.get_option_no_throw("--" + name);
    if (!earlier.contains(name) && option != nullptr && option->count() == 0) {
      continue;
    }
    if (shown(earlier, name) != shown(now, name)) {
      fail_input("--{} is {}, but the run to resume was started with {}; `--config {} --resume` takes its own options",
                 name, shown(now, name), shown(earlier, name), earlier_file.string());
    }
  }
}

/// Removes a file at the end of a scope.
struct Remover {
  std::filesystem::path path;
  explicit Remover(std::filesystem::path file) : path(std::move(file)) {}
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;
  ~Remover() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

void check_place(const RunFolder& folder, bool resume) {
  const std::string place = folder.path().string();
  if (folder.finished()) {
    fail_input("{} holds a finished run; choose another --out or remove it", place);
  }
  if (!resume && folder.resumable()) {
    fail_input("{} holds an unfinished run; add --resume to go on with it, choose another --out or remove it", place);
  }
  if (resume && !is_there(folder.file(kConfigFile))) {
    fail_input("{} holds no run to resume; leave --resume out to start one there", place);
  }
}

}  // namespace

CLI::App* add_run_command(CLI::App& app, const std::string& name, const std::string& description,
                          const std::string& example) {
  CLI::App* subcommand = app.add_subcommand(name, description);
  subcommand->option_defaults()->always_capture_default();
  subcommand->footer("Example:\n  " + example);
  return subcommand;
}

void add_data_option(CLI::App& subcommand, CommonOptions& options) {
  subcommand.add_option("--data", options.data,
                        "mnist, fashion-mnist, cifar-10, svhn, glyphs, or a folder of .npy files");
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

at::Device parse_device(const std::string& name) {
  if (name == "cpu") {
    return at::kCPU;
  }
  const std::string number = name.starts_with("cuda:") ? name.substr(5) : "";
  const bool numbered =
      !number.empty() && number.size() < 3 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (name != "cuda" && !numbered) {
    fail_input("--device is '{}', but must be cpu, cuda or cuda:N", name);
  }
  if (!at::hasCUDA()) {
    fail_input("--device {}: this libtorch has no CUDA or the machine no GPU; use --device cpu", name);
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(numbered ? std::stoi(number) : 0)};
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

OpenRun::OpenRun(const CLI::App& subcommand, const CommonOptions& options)
    : folder_(options.out), exceptions_(std::uncaught_exceptions()) {
  check_place(folder_, options.resume);
  made_folder_ = !is_there(folder_.path());
  made_config_ = !is_there(folder_.file(kConfigFile));
  folder_.create();
  remove_leftovers(folder_.path());
  const std::string config = resolved_options_toml(subcommand);
  if (options.resume) {
    const Remover now(folder_.file(std::string(kConfigFile) + ".now"));
    write_file_atomically(now.path, config);
    check_same_options(folder_.file(kConfigFile), now.path, subcommand);
  }
  folder_.write_config(config);
  resume_ = options.resume && folder_.resumable();
  if (options.resume && !resume_) {
    spdlog::warn("{} was stopped before its first checkpoint and is begun again", folder_.path().string());
  }
}

OpenRun::~OpenRun() {
  if (std::uncaught_exceptions() == exceptions_ || !made_config_) {
    return;
  }
  std::error_code ignored;
  const auto files = std::distance(std::filesystem::directory_iterator(folder_.path(), ignored), {});
  if (files == 1) {
    std::filesystem::remove(folder_.file(kConfigFile), ignored);
  }
  if (files == 1 && made_folder_) {
    std::filesystem::remove(folder_.path(), ignored);
  }
}

nlohmann::json result_record(const std::string& what, const CLI::App& subcommand, const CommonOptions& options,
                             double seconds, double ms_per_step) {
  const toml::table resolved = toml::parse(resolved_options_toml(subcommand));
  std::ostringstream text;
  text << toml::json_formatter(resolved);
  nlohmann::json record = {{"what", what},
                           {"options", nlohmann::json::parse(text.str()).at(subcommand.get_name())},
                           {"seed", options.seed},
                           {"seconds", seconds},
                           {"ms_per_step", ms_per_step}};
  record.update(environment_record());
  return record;
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
