#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/process/log.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/data/dataset.h"
#include "ntt/export/arrays.h"
#include "ntt/nn/cost.h"
#include "ntt/nn/model.h"
#include "ntt/nn/network_file.h"
#include "ntt/onnx/writer.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, at::ScalarType> kValueTypes{
    {"float32", at::kFloat}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16}};

/// Names of the files written where --out is a folder.
const std::map<std::string, std::string> kFileNames{{"safetensors", "network.safetensors"},
                                                    {"npz", "network.npz"},
                                                    {"csr", "network.csr.npz"},
                                                    {"onnx", "network.onnx"}};

struct ExportCommand {
  CommonOptions common;
  std::string network;
  std::string to;
  std::string form = "compact";
  std::string values = "float32";
  bool sparse_initialisers = false;
};

void check_options(const CLI::App& subcommand, const ExportCommand& command) {
  for (const auto& [option, to] : {std::pair("--form", "safetensors"), std::pair("--values", "safetensors"),
                                   std::pair("--sparse-initialisers", "onnx")}) {
    if (subcommand.count(option) > 0 && command.to != to) {
      fail_input("{} is an option of --to {}; leave it out with --to {}", option, to, command.to);
    }
  }
}

/// The file to write, which must not be there yet.
fs::path target_of(const ExportCommand& command) {
  fs::path path = command.common.out;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    path /= kFileNames.at(command.to);
  }
  if (fs::is_regular_file(path, ignored)) {
    fail_input("{} is there already; choose another --out or remove it", path.string());
  }
  if (path.has_parent_path() && !fs::is_directory(path.parent_path(), ignored)) {
    fail_input("there is no folder {} to write {} into", path.parent_path().string(), path.filename().string());
  }
  return path;
}

/// What the file does not say of its inputs and classes, as far as the network's data set is here to say so.
void complete_format(NetworkFile& file, const std::string& origin) {
  const auto data = file.metadata.find("data");
  if (file.format.normalisation || data == file.metadata.end()) {
    return;
  }
  try {
    const Dataset dataset = load_dataset(data->second);
    check_network_fits(file.network, origin, dataset.train_images.sizes().slice(1).vec(), dataset.classes,
                       dataset.name);
    file.format = {standardise(dataset).normalisation, dataset.class_names};
  } catch (const InputError& error) {
    spdlog::warn("the file will not say how inputs are prepared: {}", error.what());
  }
}

void write_export(const fs::path& path, const ExportCommand& command, const NetworkFile& file) {
  if (command.to == "safetensors") {
    write_network(path, file.network, file.metadata, {command.form == "compact", kValueTypes.at(command.values)});
  } else if (command.to == "onnx") {
    write_onnx(path, file.network.graph(), file.network.all_parameters(), file.metadata, command.sparse_initialisers);
  } else {
    write_npz(path, command.to == "csr" ? csr_arrays(file) : dense_arrays(file));
  }
}

void run_export(const CLI::App& subcommand, const ExportCommand& command) {
  check_options(subcommand, command);
  const fs::path path = target_of(command);
  NetworkFile file = read_network(command.network);
  log_warnings(file.warnings);
  complete_format(file, command.network);
  set_data_format(file.metadata, file.format);
  write_export(path, command, file);

  const auto bytes = static_cast<std::int64_t>(fs::file_size(path));
  const std::int64_t dense = total_cost(layer_costs(file.network)).dense_bytes;
  const double ratio = static_cast<double>(bytes) / static_cast<double>(dense);
  nlohmann::json record = {
      {"what", "export"}, {"network", command.network}, {"to", command.to}, {"file", path.string()},
      {"bytes", bytes},   {"dense_bytes", dense},       {"ratio", ratio},   {"density", file.network.density()}};
  if (command.to == "safetensors") {
    record.update({{"form", command.form}, {"values", command.values}});
  }
  print_result(command.common, record,
               {{"file", path.string()},
                {"size", format_bytes(static_cast<double>(bytes))},
                {"parameters if dense", format_bytes(static_cast<double>(dense))},
                {"share of that", format_percent(ratio)},
                {"density", fmt::format("{:.4g}", file.network.density())}});
}

}  // namespace

void add_export_command(CLI::App& app) {
  CLI::App* subcommand =
      add_run_command(app, "export", "Write a network for other programs, or smaller",
                      "ntt export --network runs/ntt-trained --to onnx --out network.onnx\n"
                      "  ntt export --network runs/ntt-trained --to safetensors --out small.safetensors");
  auto command = std::make_shared<ExportCommand>();
  subcommand->add_option("--network", command->network, "Run folder or network file")
      ->required()
      ->type_name("DIR|FILE");
  subcommand->add_option("--to", command->to, "The kind of file to write")
      ->required()
      ->check(CLI::IsMember({"safetensors", "npz", "csr", "onnx"}));
  subcommand->add_option("--out", command->common.out, "File to write, or a folder for it")
      ->required()
      ->type_name("FILE|DIR");
  subcommand->add_option("--form", command->form, "Of safetensors: kept values and places, or zeros and masks")
      ->check(CLI::IsMember({"compact", "dense"}));
  subcommand->add_option("--values", command->values, "Of safetensors: the type of weights")
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}));
  subcommand->add_flag("--sparse-initialisers", command->sparse_initialisers,
                       "Of onnx: masked weights as sparse initialisers where they are smaller so");
  subcommand->add_flag("--json", command->common.json, "Print one JSON object");
  add_config_option(*subcommand);
  subcommand->callback([subcommand, command] { run_export(*subcommand, *command); });
}

}  // namespace ntt
