#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/process/terminal_observer.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"
#include "ntt/io/npy.h"
#include "ntt/nn/model.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"
#include "ntt/sparse/predictor.h"
#include "ntt/train/metrics.h"

namespace ntt {
namespace {

struct RunCommand {
  CommonOptions common;
  std::string network;
  std::string inputs;
  bool standardise = false;
  std::int64_t batch_size = 64;
  Execution execution = Execution::automatic;
};

/// What is asked, and what would be right if that is known.
struct Questions {
  at::Tensor inputs;
  at::Tensor labels;
};

/// The inputs of --inputs as the network takes them: uint8 ones are raw, floats are where it was said so.
at::Tensor read_inputs(const RunCommand& options, const DataFormat& format) {
  const at::Tensor inputs = read_npy(options.inputs);
  const at::ScalarType dtype = inputs.scalar_type();
  if (dtype != at::kByte && dtype != at::kFloat && dtype != at::kDouble) {
    fail_input("{} holds {}, but inputs are uint8, float32 or float64", options.inputs, c10::toString(dtype));
  }
  if (dtype != at::kByte && !options.standardise) {
    return inputs.to(at::kFloat);
  }
  if (!format.normalisation) {
    fail_input(
        "{} does not say how raw inputs are standardised, being of an older version or from elsewhere; give --inputs "
        "float32, standardised as in training, or --data NAME",
        options.network);
  }
  return standardise(inputs, *format.normalisation);
}

Questions read_questions(const RunCommand& options, const NetworkFile& file) {
  if (options.inputs.empty() == options.common.data.empty()) {
    fail_input("give either --inputs FILE.npy or --data NAME, whose test inputs are used");
  }
  if (!options.inputs.empty()) {
    return {read_inputs(options, file.format), {}};
  }
  const LoadedData data = load_data(options.common, at::kCPU, file.format);
  check_network_fits(file.network, options.network, data.input, data.classes, data.name);
  return {data.test_inputs, data.test_labels};
}

/// Answers batch by batch; returns the seconds that it took.
double answer(const Predictor& predictor, const Questions& questions, std::int64_t batch_size, at::Tensor& outputs) {
  TerminalObserver observer;
  const std::int64_t count = questions.inputs.size(0);
  observer.progress({"run", "input", 0, count, ""});
  double seconds = 0;
  for (std::int64_t first = 0; first < count; first += batch_size) {
    const std::int64_t some = std::min(batch_size, count - first);
    const at::Tensor batch = questions.inputs.narrow(0, first, some);
    const Stopwatch watch;
    outputs.narrow(0, first, some).copy_(predictor.predict(batch));
    seconds += watch.seconds();
    observer.progress({"run", "input", first + some, count, "", first + some == count});
    if (observer.stop_requested()) {
      throw Interrupted(fmt::format("stopped after {} of {} inputs; nothing was written", first + some, count));
    }
  }
  return seconds;
}

void run_run(const CLI::App& subcommand, const RunCommand& options) {
  apply_threads(options.common.threads);
  if (!parse_device(options.common.device).is_cpu()) {
    fail_input("ntt run answers on the CPU; leave --device out, or use ntt evaluate");
  }
  const c10::InferenceMode without_autograd;
  NetworkFile file = read_network(options.network);
  const Questions questions = read_questions(options, file);
  const std::string model = file.network.graph().name;
  const Predictor predictor(std::move(file.network), options.execution);
  const std::int64_t count = questions.inputs.size(0);
  if (count == 0) {
    fail_input("{} holds no inputs", options.inputs);
  }
  at::Tensor outputs = at::empty({count, predictor.outputs()});
  const double seconds = answer(predictor, questions, options.batch_size, outputs);
  if (!options.common.out.empty()) {
    write_npy(options.common.out, outputs);
  }

  nlohmann::json record = result_record(request_of(subcommand, options.common), seconds, 0);
  record.erase("seed");
  record.erase("ms_per_step");
  const auto inputs = static_cast<double>(count);
  record.update({{"model", model},
                 {"inputs", count},
                 {"execution", to_string(predictor.execution(options.batch_size))},
                 {"inputs_per_second", inputs / seconds},
                 {"ms_per_batch", 1e3 * seconds * static_cast<double>(std::min(options.batch_size, count)) / inputs},
                 {"weight_bytes", predictor.weight_bytes(options.batch_size)}});
  std::vector<std::pair<std::string, std::string>> rows{
      {"model", model},
      {"inputs", fmt::format("{} in batches of {}", format_count(count), format_count(options.batch_size))},
      {"execution", to_string(predictor.execution(options.batch_size))},
      {"time", fmt::format("{}, {} inputs a second", format_seconds(seconds),
                           format_count(static_cast<std::int64_t>(inputs / seconds)))},
      {"weights in memory",
       fmt::format("{:.1f} kB", static_cast<double>(predictor.weight_bytes(options.batch_size)) / 1e3)}};
  if (!file.format.class_names.empty()) {
    record["class_names"] = file.format.class_names;
    rows.emplace_back("classes", fmt::format("{}", fmt::join(file.format.class_names, ", ")));
  }
  if (questions.labels.defined()) {
    record["test_accuracy"] = accuracy(outputs, questions.labels);
    rows.emplace_back("test accuracy", format_percent(record["test_accuracy"].get<double>()));
  }
  if (!options.common.out.empty()) {
    rows.emplace_back("outputs", fmt::format("[{}, {}] float32 in {}", count, predictor.outputs(), options.common.out));
  }
  print_result(options.common, record, rows);
}

}  // namespace

void add_run_network_command(CLI::App& app) {
  CLI::App* run = add_run_command(app, "run", "Answer inputs with a saved network",
                                  "ntt run --network runs/ntt-trained --inputs X.npy --out Y.npy\n"
                                  "  ntt run --network runs/ntt-trained --data mnist --execution sparse");
  auto options = std::make_shared<RunCommand>();
  options->common.data.clear();
  run->add_option("--network", options->network, "Run folder or network file")->required()->type_name("DIR|FILE");
  run->add_option("--inputs", options->inputs,
                  "NumPy file of inputs [N, ...]: uint8, or float as the network takes them")
      ->type_name("FILE");
  run->add_flag("--standardise", options->standardise, "Float inputs are raw, too: standardise them as in training");
  add_data_option(*run, options->common);
  run->add_option("--out", options->common.out, "NumPy file for the outputs [N, classes]")->type_name("FILE");
  run->add_option("--batch-size", options->batch_size, "Inputs answered at once")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30));
  add_execution_option(*run, options->execution, "With the kept weights alone, with all, or whichever is faster");
  add_machine_options(*run, options->common);
  run->callback([run, options] { run_run(*run, *options); });
}

}  // namespace ntt
