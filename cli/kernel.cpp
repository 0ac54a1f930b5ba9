#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "cli/commands.h"
#include "cli/process/terminal_observer.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/core/random.h"
#include "ntt/io/npy.h"
#include "ntt/kernel/comparison.h"
#include "ntt/kernel/empirical_ntk.h"
#include "ntt/kernel/probes.h"
#include "ntt/nn/model.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

struct KernelCommand {
  CommonOptions common;
  std::string network;
  std::string against;
  std::int64_t samples = 64;
  std::int64_t test_samples = 0;
  std::string parameters = "all";
  std::string kernel = "exact";
  std::int64_t probes = 1;
  std::string dtype = "float32";
  std::int64_t block = 32;

  bool sketched() const { return kernel == "sketch"; }
  at::ScalarType scalar_type() const { return dtype == "float64" ? at::kDouble : at::kFloat; }
  ParameterSet parameter_set() const { return parameters == "active" ? ParameterSet::active : ParameterSet::all; }
};

/// Rows and columns of the kernel; one and the same where both are training inputs.
struct KernelSides {
  KernelInputs rows;
  KernelInputs columns;
};

NetworkFile load_network(const std::string& path, at::Device device, at::ScalarType dtype) {
  NetworkFile file = read_network(path);
  file.network.to(device, dtype);
  return file;
}

at::Tensor first_inputs(const at::Tensor& inputs, std::int64_t count, const KernelCommand& command,
                        std::string_view option, std::string_view part) {
  if (count > inputs.size(0)) {
    fail_input("{} is {}, but {} has {} {} inputs", option, count, command.common.data, inputs.size(0), part);
  }
  return inputs.narrow(0, 0, count).to(command.scalar_type());
}

KernelSides sides_of(const KernelCommand& command, const LoadedData& data) {
  RandomStream stream(command.common.seed, "kernel-probes");
  const auto with_probes = [&](const at::Tensor& inputs) -> KernelInputs {
    if (!command.sketched()) {
      return {inputs, {}};
    }
    return {inputs, random_probes(stream, inputs.size(0), command.probes, data.classes, inputs.options())};
  };
  const KernelInputs rows =
      with_probes(first_inputs(data.train_inputs, command.samples, command, "--samples", "training"));
  if (command.test_samples == 0) {
    return {rows, rows};
  }
  return {rows, with_probes(first_inputs(data.test_inputs, command.test_samples, command, "--test-samples", "test"))};
}

void write_rows(NpyWriter& writer, const KernelBlock& block, std::int64_t columns) {
  const std::int64_t entry = block.values.size(2) * block.values.size(3);
  const at::Tensor values = block.values.cpu();
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    writer.write_block(((block.first_left + i) * columns + block.first_right) * entry, values[i]);
  }
}

/// The kernel, written block by block; and how it compares with another network's, if there is one.
KernelComparison write_kernel(const KernelCommand& command, const Network& network, const Network* other,
                              const KernelSides& sides, std::int64_t width) {
  const std::int64_t rows = sides.rows.inputs.size(0);
  const std::int64_t columns = sides.columns.inputs.size(0);
  NpyWriter writer(command.common.out, command.scalar_type(), {rows, columns, width, width});
  TerminalObserver observer;
  std::int64_t done = 0;
  const auto tell = [&](bool finished) { observer.progress({"kernel", "pair", done, rows * columns, "", finished}); };
  tell(false);
  KernelComparison comparison;
  const ParameterSet parameters = command.parameter_set();
  for_each_kernel_block(network, sides.rows, sides.columns, parameters, command.block, [&](const KernelBlock& block) {
    if (observer.stop_requested()) {
      throw Interrupted("interrupted; no kernel was written");
    }
    write_rows(writer, block, columns);
    if (other != nullptr) {
      const KernelInputs left{sides.rows.inputs.narrow(0, block.first_left, block.values.size(0)), {}};
      const KernelInputs right{sides.columns.inputs.narrow(0, block.first_right, block.values.size(1)), {}};
      comparison.add(block.values, empirical_ntk(*other, left, right, parameters, command.block));
    }
    done += block.values.size(0) * block.values.size(1);
    tell(false);
  });
  writer.finish();
  tell(true);
  return comparison;
}

void run_kernel(const CLI::App& subcommand, const KernelCommand& command) {
  const c10::InferenceMode inference;
  apply_threads(command.common.threads);
  const at::Device device = parse_device(command.common.device);
  if (command.sketched() && !command.against.empty()) {
    fail_input("--against compares exact kernels; leave out --kernel sketch");
  }
  const NetworkFile file = load_network(command.network, device, command.scalar_type());
  const Network& network = file.network;
  const LoadedData data = load_data(command.common, device, file.format);
  check_network_fits(network, command.network, data.input, data.classes, data.name);
  std::optional<Network> other;
  if (!command.against.empty()) {
    other = load_network(command.against, device, command.scalar_type()).network;
    check_network_fits(*other, command.against, data.input, data.classes, data.name);
  }
  const KernelSides sides = sides_of(command, data);
  const std::int64_t width = command.sketched() ? command.probes : data.classes;
  const KernelComparison comparison = write_kernel(command, network, other ? &*other : nullptr, sides, width);

  nlohmann::json record = result_record(request_of(subcommand, command.common), 0, 0);
  record.erase("seconds");
  record.erase("ms_per_step");
  const std::string shape =
      fmt::format("[{}, {}, {}, {}]", sides.rows.inputs.size(0), sides.columns.inputs.size(0), width, width);
  std::vector<std::pair<std::string, std::string>> rows = {
      {"kernel", fmt::format("{} {} in {}", shape, command.dtype, command.common.out)}};
  if (command.sketched()) {
    const std::string probes = std::filesystem::path(command.common.out).replace_extension(".probes.npy");
    write_npy(probes, sides.rows.probes);
    rows.emplace_back("probes", fmt::format("[{}, {}, {}] in {}", command.samples, width, data.classes, probes));
    if (command.test_samples > 0) {
      const std::string columns = std::filesystem::path(command.common.out).replace_extension(".test-probes.npy");
      write_npy(columns, sides.columns.probes);
      rows.emplace_back("", fmt::format("[{}, {}, {}] in {}", command.test_samples, width, data.classes, columns));
    }
  }
  if (other) {
    record["kernel_distance"] = comparison.distance();
    record["alignment"] = comparison.alignment();
    rows.emplace_back("kernel distance", fmt::format("{:.6g} (mean squared difference)", comparison.distance()));
    rows.emplace_back("alignment", fmt::format("{:.6f} (cosine of the two kernels)", comparison.alignment()));
  }
  print_result(command.common, record, rows);
}

}  // namespace

void add_kernel_command(CLI::App& app) {
  auto command = std::make_shared<KernelCommand>();
  CLI::App* kernel =
      add_run_command(app, "kernel", "Write a network's empirical tangent kernel on training inputs",
                      "ntt kernel --network runs/ntt --data mnist --samples 64 --against runs/ntt/teacher.safetensors "
                      "--out K.npy");
  kernel->add_option("--network", command->network, "Run folder or network file")->required()->type_name("DIR|FILE");
  kernel->add_option("--against", command->against, "Another network to compare its kernel with")
      ->type_name("DIR|FILE");
  add_data_option(*kernel, command->common);
  kernel->add_option("--samples", command->samples, "The first so many training inputs")->check(CLI::Range(1, 1 << 24));
  kernel
      ->add_option("--test-samples", command->test_samples,
                   "Columns for the first so many test inputs; 0: for the training inputs again")
      ->check(CLI::Range(0, 1 << 24));
  kernel->add_option("--parameters", command->parameters, "Which parameters count: all or active")
      ->check(CLI::IsMember({"all", "active"}));
  kernel->add_option("--kernel", command->kernel, "exact, or sketch: seen through random output directions")
      ->check(CLI::IsMember({"exact", "sketch"}));
  kernel->add_option("--probes", command->probes, "Random output directions an input in a sketch")
      ->check(CLI::Range(1, 1 << 20));
  kernel->add_option("--dtype", command->dtype, "What to compute in and to write")
      ->check(CLI::IsMember({"float32", "float64"}));
  kernel->add_option("--block", command->block, "Inputs on each side of a block computed at once")
      ->check(CLI::Range(1, 1 << 16));
  kernel->add_option("--out", command->common.out, "The .npy file to write")->required()->type_name("FILE.npy");
  add_seed_option(*kernel, command->common);
  add_machine_options(*kernel, command->common);
  kernel->callback([kernel, command] { run_kernel(*kernel, *command); });
}

}  // namespace ntt
