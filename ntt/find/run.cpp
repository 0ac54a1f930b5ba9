#include "ntt/find/run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <utility>

#include "ntt/core/threads.h"
#include "ntt/find/record.h"
#include "ntt/nn/dense_network.h"

namespace ntt {
namespace {

/// Checks options against the network and fills in those that depend on it.
void settle(FindOptions& options, RunRequest& request, const Graph& graph, std::int64_t inputs) {
  check_find_options(options, graph);
  fill_in_initialisation(request.options, graph);
  if (!fits_student(options.method)) {
    return;
  }
  fill_in_defaults(options, graph, inputs);
  const auto show = [&](const char* name, const auto& value) {
    if (value) {  // matching outputs only has no kernel weight
      fill_in(request.options, name, fmt::format("{}", *value), TomlOption::Kind::kNumber);
    }
  };
  show("weight-decay", options.weight_decay);
  show("learning-rate", options.learning_rate);
  show("mask-interval", options.mask_interval);
  show("kernel-weight", options.kernel_weight);
}

}  // namespace

void fill_in_initialisation(std::vector<TomlOption>& options, const Graph& graph) {
  fill_in(options, "initialisation", to_string(default_initialisation(graph)), TomlOption::Kind::kString);
}

FindRun run_find(Network teacher, const at::Tensor& inputs, const at::Tensor& labels, FindOptions options,
                 RunRequest request, const std::map<std::string, std::string>& metadata, const DataFormat& format) {
  TransferOptions& transfer = options.transfer;
  transfer.step.seed = request.seed;
  settle(options, request, teacher.graph(), inputs.size(0));
  const OpenRun opened(request, *transfer.observer);
  transfer.out = request.out;
  transfer.resume = opened.resume();
  if (fits_student(options.method)) {
    transfer.observer->message(MessageLevel::info, fmt::format("transfer: {} at density {}, {} threads",
                                                               teacher.graph().name, transfer.step.density, threads()));
  }
  FoundNetwork found = find_sparse_network(std::move(teacher), inputs, labels, options);
  nlohmann::json record = result_record(request, found.seconds, found.ms_per_step);
  record.update(find_record(found));
  if (const auto data = metadata.find("data"); data != metadata.end()) {
    record["data"] = data->second;
  }
  if (!request.out.empty()) {
    write_found(request.out, found.teacher, found.network, found.method, metadata, format);
    RunFolder(request.out).write_result(record);
  }
  return {std::move(found), std::move(record)};
}

}  // namespace ntt
