#include "cli/transfer_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "cli/transfer_options.h"
#include "ntt/core/error.h"
#include "ntt/core/threads.h"

namespace ntt {

double published_weight_decay(const Graph& graph) {
  const bool convolutional =
      std::ranges::any_of(graph.parameters, [](const ParameterSpec& parameter) { return parameter.shape.size() > 2; });
  return convolutional ? 1e-5 : 1e-4;
}

void add_length_options(CLI::App& subcommand, TransferCommand& command) {
  TransferOptions& options = command.transfer;
  add_batch_size_option(subcommand, options);
  subcommand.add_option("--epochs", options.epochs, "Passes over the training inputs")->check(CLI::PositiveNumber);
  subcommand.add_option("--steps", options.steps, "Steps instead of epochs; 0: as --epochs says")
      ->check(CLI::NonNegativeNumber);
  subcommand
      .add_option("--weight-decay", command.weight_decay,
                  "Weight of the squared weights, divided by the density (published: 1e-4, with convolutions 1e-5)")
      ->check(CLI::NonNegativeNumber);
  subcommand
      .add_option_function<std::string>(
          "--initial-mask",
          [&options](const std::string& name) {
            options.initial_mask = name == "magnitude" ? InitialMask::magnitude : InitialMask::logit_snip;
          },
          "Scores of the first mask")
      ->check(CLI::IsMember({"magnitude", "logit-snip"}))
      ->default_str("magnitude");
  subcommand.add_option("--held-out", options.held_out, "Share of the training inputs to measure the distances on")
      ->check(CLI::Range(1e-6, 0.5));
  subcommand.add_option("--evaluate-interval", options.evaluate_every, "Steps between those measurements")
      ->check(CLI::PositiveNumber);
}

void settle_transfer(CLI::App& subcommand, TransferCommand& command, const Graph& graph, std::int64_t classes) {
  const StepOptions& step = command.transfer.step;
  if (step.kernel == KernelMode::sketch && step.probes > classes) {
    fail_input("--probes is {}, but must be at most the number of classes, {}", step.probes, classes);
  }
  if (!command.weight_decay) {
    command.weight_decay = published_weight_decay(graph);
    subcommand.get_option("--weight-decay")->default_str(fmt::format("{}", *command.weight_decay));
  }
}

FoundNetwork find_sparse_network(Network teacher, const LoadedData& data, TransferCommand& command) {
  TransferOptions& options = command.transfer;
  options.step.seed = command.common.seed;
  options.step.weight_decay = command.weight_decay.value_or(published_weight_decay(teacher.graph()));
  Network student = initial_student(teacher, options, data.train_inputs);
  spdlog::info("transfer: {} at density {}, {} threads", teacher.graph().name, options.step.density, threads());
  const TransferResult result = transfer(teacher, student, data.train_inputs, options);
  return {std::move(teacher), std::move(student), result};
}

}  // namespace ntt
