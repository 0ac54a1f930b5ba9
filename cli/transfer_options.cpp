#include "cli/transfer_options.h"

#include <CLI/Validators.hpp>
#include <map>
#include <string>

#include "cli/run_support.h"

namespace ntt {
namespace {

template <typename Enum>
void add_choice(CLI::App& subcommand, const std::string& name, Enum& value, const std::map<std::string, Enum>& names,
                const std::string& help) {
  std::string fallback;
  std::vector<std::string> choices;
  for (const auto& [text, choice] : names) {
    choices.push_back(text);
    fallback = choice == value ? text : fallback;
  }
  subcommand
      .add_option_function<std::string>(
          name, [&value, names](const std::string& text) { value = names.at(text); }, help)
      ->check(CLI::IsMember(choices))
      ->default_str(fallback);
}

}  // namespace

void add_step_options(CLI::App& subcommand, FindOptions& options) {
  StepOptions& step = options.transfer.step;
  const CLI::Range share(1e-6, 1.0);
  subcommand.add_option("--density", step.density, "Share of the weights to keep")->check(share);
  add_scope_option(subcommand, step.scope);
  add_choice<KernelMode>(subcommand, "--kernel", step.kernel,
                         {{"exact", KernelMode::exact}, {"sketch", KernelMode::sketch}},
                         "The kernel over all classes, or seen through random output directions");
  add_fitting_options(subcommand, options);
}

void add_scope_option(CLI::App& subcommand, Scope& scope) {
  subcommand
      .add_option_function<std::string>(
          "--scope", [&scope](const std::string& name) { scope = parse_scope(name); },
          "Where the density holds: in each layer, over all weights (global), or in each layer by its sides (erk)")
      ->check(CLI::IsMember({"layer", "global", "erk"}))
      ->default_str(to_string(scope));
}

void add_fitting_options(CLI::App& subcommand, FindOptions& options) {
  StepOptions& step = options.transfer.step;
  subcommand.add_option("--probes", step.probes, "Random output directions an input in a sketch")
      ->check(CLI::Range(1, 1 << 20));
  add_choice<Pairs>(subcommand, "--pairs", step.objective.pairs, {{"cross", Pairs::cross}, {"all", Pairs::all}},
                    "Which pairs of inputs count: first half against second, or all but each with itself");
  add_choice<ParameterSet>(subcommand, "--parameters", step.objective.parameters,
                           {{"all", ParameterSet::all}, {"active", ParameterSet::active}},
                           "Which of the student's parameters its kernel counts");
  add_choice<StudentStatistics>(
      subcommand, "--batch-norm", step.objective.statistics,
      {{"running", StudentStatistics::running},
       {"frozen", StudentStatistics::frozen},
       {"batch", StudentStatistics::batch}},
      "Mean and variance of the student's batch norm: each batch's, the teacher's, or a running average");
  subcommand
      .add_option("--learning-rate", options.learning_rate,
                  "Learning rate of Adam (default: 1e-3, with batch norm 3e-3)")
      ->check(CLI::PositiveNumber);
  subcommand
      .add_option("--kernel-weight", options.kernel_weight,
                  "Weight of the kernel distance; 0 leaves it out (default: 1e-3, with batch norm 1e-4)")
      ->check(CLI::NonNegativeNumber);
  subcommand
      .add_option("--mask-interval", options.mask_interval,
                  "Steps between mask updates; 0: none (default: 100, or a 25th of a shorter run's steps)")
      ->check(CLI::NonNegativeNumber);
  add_choice<DensitySchedule>(subcommand, "--density-schedule", step.density_schedule,
                              {{"constant", DensitySchedule::constant}, {"cubic", DensitySchedule::cubic}},
                              "Constant, or from dense down to the goal over the first 70 % of the steps");
  add_execution_option(subcommand, step.execution,
                       "The student's products with its kept weights alone, with all, or whichever is faster in each "
                       "layer");
}

void add_batch_size_option(CLI::App& subcommand, TransferOptions& options) {
  subcommand.add_option("--batch-size", options.batch_size, "Inputs a step")->check(CLI::Range(2, 1 << 20));
}

void add_length_options(CLI::App& subcommand, FindOptions& find) {
  TransferOptions& options = find.transfer;
  add_batch_size_option(subcommand, options);
  subcommand.add_option("--epochs", options.epochs, "Passes over the training inputs")->check(CLI::PositiveNumber);
  subcommand.add_option("--steps", options.steps, "Steps instead of epochs; 0: as --epochs says")
      ->check(CLI::NonNegativeNumber);
  subcommand
      .add_option("--weight-decay", find.weight_decay,
                  "Weight of the squared weights, divided by the density (default: 1e-4, with convolutions 1e-5)")
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

}  // namespace ntt
