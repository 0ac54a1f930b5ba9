#include "ntt/find/find.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/random.h"
#include "ntt/core/stopwatch.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/network_file.h"
#include "ntt/nn/statistics.h"
#include "ntt/prune/method.h"
#include "ntt/transfer/method_names.h"

namespace ntt {
namespace {

/// An option that only some methods take, and whether it was changed.
struct OwnOption {
  std::string_view name;
  bool changed;
};

/// Those of methods that fit a student which would be misleading if others just left them aside.
std::vector<OwnOption> fitting_options(const FindOptions& options) {
  const TransferOptions standard;
  const TransferOptions& given = options.transfer;
  const ObjectiveOptions& objective = given.step.objective;
  return {{"choice of pairs", objective.pairs != standard.step.objective.pairs},
          {"choice of parameters", objective.parameters != standard.step.objective.parameters},
          {"learning rate", options.learning_rate.has_value()},
          {"kernel weight", options.kernel_weight.has_value()},
          {"mask interval", options.mask_interval.has_value()},
          {"density schedule", given.step.density_schedule != standard.step.density_schedule},
          {"batch size", given.batch_size != standard.batch_size},
          {"weight decay", options.weight_decay.has_value()},
          {"initial mask", given.initial_mask != standard.initial_mask}};
}

void check_fitting_options(const FindOptions& options) {
  if (options.transfer.steps > 0) {
    fail_input("a number of steps is the length of {}, {} and {}; {} takes none", kNttExact, kNttSketch, kLogitMimicry,
               options.method);
  }
  for (const OwnOption& option : fitting_options(options)) {
    if (option.changed) {
      fail_input("the {} is an option of {}, {} and {}; {} takes none", option.name, kNttExact, kNttSketch,
                 kLogitMimicry, options.method);
    }
  }
}

/// The options of a step as the method has them.
StepOptions settled_step(const FindOptions& options) {
  StepOptions step = options.transfer.step;
  step.weight_decay = options.weight_decay.value_or(step.weight_decay);
  step.learning_rate = options.learning_rate.value_or(step.learning_rate);
  step.objective.kernel_weight = options.kernel_weight.value_or(step.objective.kernel_weight);
  step.mask_interval = options.mask_interval.value_or(step.mask_interval);
  if (options.method == kNttExact || options.method == kNttSketch) {
    step.kernel = options.method == kNttSketch ? KernelMode::sketch : KernelMode::exact;
  }
  if (options.method == kLogitMimicry) {
    step.kernel = KernelMode::exact;
    step.objective.kernel_weight = 0;
  }
  return step;
}

/// What the scores of a method are taken on: nothing that it does not read.
PruneData scoring_data(const PruneMethod& method, const at::Tensor& inputs, const at::Tensor& labels,
                       const FindOptions& options) {
  if (!method.reads_inputs) {
    return {};
  }
  if (!inputs.defined() || (method.reads_labels && !labels.defined())) {
    fail_input("method {} reads {}, and was given none", method.name, inputs.defined() ? "labels" : "inputs");
  }
  RandomStream stream(options.transfer.step.seed, "prune-samples");
  const std::int64_t all = inputs.size(0);
  const at::Tensor chosen =
      random_permutation(stream, all).narrow(0, 0, std::min(options.samples, all)).to(inputs.device());
  PruneData result{inputs.index_select(0, chosen), {}};
  if (method.reads_labels) {
    result.labels = labels.index_select(0, chosen);
  }
  return result;
}

void find_by_scores(FoundNetwork& found, const at::Tensor& inputs, const at::Tensor& labels,
                    const FindOptions& options) {
  const PruneMethod& method = find_prune_method(options.method);
  const StepOptions& step = options.transfer.step;
  const PruneData data = scoring_data(method, inputs, labels, options);
  const Stopwatch watch;
  prune(found.network, method, data,
        {step.density, step.scope, options.rounds, step.seed, options.invert, options.transfer.observer});
  found.seconds = watch.seconds();
  found.reads = method.reads();
  const std::int64_t rounds = options.rounds > 0 ? options.rounds : method.rounds;
  found.inputs_read = method.reads_inputs ? rounds * method.passes * data.inputs.size(0) : 0;
}

void find_by_fitting(FoundNetwork& found, const at::Tensor& inputs, const FindOptions& options) {
  if (!inputs.defined()) {
    fail_input("method {} reads inputs, and was given none", options.method);
  }
  const TransferOptions settings = settled_transfer(options, found.teacher.graph(), inputs.size(0));
  found.network = initial_student(found.teacher, settings, inputs);
  found.transfer = transfer(found.teacher, found.network, inputs, settings);
  found.seconds = found.transfer->seconds;
  found.ms_per_step = found.transfer->ms_per_step;
  found.reads = "inputs";
  found.inputs_read = found.transfer->steps * settings.batch_size;
}

}  // namespace

std::vector<std::string> find_methods() {
  std::vector<std::string> names;
  for (const PruneMethod& method : prune_methods()) {
    names.push_back(method.name);
  }
  names.insert(names.end(), kTransferMethods.begin(), kTransferMethods.end());
  return names;
}

std::vector<MethodNote> method_notes() {
  std::vector<MethodNote> notes;
  for (const PruneMethod& method : prune_methods()) {
    notes.push_back(
        {method.name, method.reads(), method.reads_inputs ? method.rounds * method.passes : 0, method.formula});
  }
  for (const auto& [name, formula] : {std::pair(kNttExact, "the outputs and the tangent kernel of the dense network"),
                                      {kNttSketch, "the same with the kernel seen through random directions"},
                                      {kLogitMimicry, "the outputs of the dense network"}}) {
    notes.push_back({std::string(name), "inputs", 0, fmt::format("fits {} (Liu & Zenke 2020)", formula)});
  }
  return notes;
}

bool fits_student(std::string_view method) {
  return method == kNtt || is_transfer_method(method);
}

bool reads_labels(std::string_view method) {
  return !fits_student(method) && find_prune_method(method).reads_labels;
}

void fill_in_defaults(FindOptions& options, const Graph& graph, std::int64_t inputs) {
  constexpr std::int64_t kMaskUpdates = 25;
  const StepOptions& step = options.transfer.step;
  const bool convolutional =
      std::ranges::any_of(graph.parameters, [](const ParameterSpec& parameter) { return parameter.shape.size() > 2; });
  const bool normalised = has_batch_norm(graph);
  const std::int64_t steps = total_steps(options.transfer, inputs);
  options.weight_decay = options.weight_decay.value_or(convolutional ? 1e-5 : 1e-4);
  options.learning_rate = options.learning_rate.value_or(normalised ? 3e-3 : step.learning_rate);
  if (options.method != kLogitMimicry) {
    options.kernel_weight = options.kernel_weight.value_or(normalised ? 1e-4 : step.objective.kernel_weight);
  }
  options.mask_interval =
      options.mask_interval.value_or(std::clamp<std::int64_t>(steps / kMaskUpdates, 1, step.mask_interval));
}

TransferOptions settled_transfer(FindOptions options, const Graph& graph, std::int64_t inputs) {
  fill_in_defaults(options, graph, inputs);
  options.transfer.step = settled_step(options);
  return options.transfer;
}

void check_find_options(const FindOptions& options) {
  const std::vector<std::string> known = find_methods();
  if (options.method != kNtt && std::ranges::find(known, options.method) == known.end()) {
    fail_input("there is no method '{}'; known are {}, {}", options.method, kNtt, fmt::join(known, ", "));
  }
  check_density(options.transfer.step.density);
  if (options.samples < 1) {
    fail_input("scores are taken on {} training inputs, but at least 1 is needed", options.samples);
  }
  const bool fits = fits_student(options.method);
  if (!fits) {
    check_fitting_options(options);
  }
  if (options.method == kLogitMimicry && options.kernel_weight) {
    fail_input("{} matches outputs only, so that a kernel weight has no place; take {} or {}", kLogitMimicry, kNttExact,
               kNttSketch);
  }
  if (options.rounds > 0 && (fits || find_prune_method(options.method).rounds == 1)) {
    fail_input("a number of rounds is for methods that score more than once; {} does not", options.method);
  }
  if (options.invert && (fits || find_prune_method(options.method).scores == nullptr)) {
    fail_input("only scores can be inverted, and {} has none", options.method);
  }
}

void check_find_options(const FindOptions& options, const Graph& graph) {
  check_find_options(options);
  if (!fits_student(options.method)) {
    return;
  }
  const StepOptions step = settled_step(options);
  const std::int64_t outputs = graph.output_shape().front();
  if (step.kernel == KernelMode::sketch && step.probes > outputs) {
    fail_input("the sketch has {} probes an input, but must have at most the number of classes, {}", step.probes,
               outputs);
  }
}

FoundNetwork find_sparse_network(Network teacher, const at::Tensor& inputs, const at::Tensor& labels,
                                 const FindOptions& options) {
  check_find_options(options, teacher.graph());
  Network copy = teacher.clone();
  FoundNetwork found{std::move(teacher), std::move(copy), options.method, {}, 0, 0, 0, {}, {}};
  if (fits_student(options.method)) {
    find_by_fitting(found, inputs, options);
  } else {
    find_by_scores(found, inputs, labels, options);
  }
  found.warnings = empty_layer_warnings(found.network);
  return found;
}

void write_found(const std::filesystem::path& folder, const Network& teacher, const Network& network,
                 const std::string& method, std::map<std::string, std::string> metadata, const DataFormat& format) {
  const RunFolder run(folder);
  set_data_format(metadata, format);
  metadata["model"] = network.graph().name;
  metadata["method"] = "dense";
  write_network(run.file(kTeacherFile), teacher, metadata);
  metadata["method"] = method;
  write_network(run.file(kNetworkFile), network, metadata);
}

std::vector<std::string> empty_layer_warnings(const Network& network) {
  std::vector<std::string> warnings;
  for (const std::string& name : empty_layers(network)) {
    warnings.push_back(fmt::format("nothing is left of {}: what lies behind it no longer sees the inputs", name));
  }
  return warnings;
}

}  // namespace ntt
