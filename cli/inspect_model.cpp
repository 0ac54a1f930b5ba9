#include "cli/inspect_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "ntt/models/summary.h"
#include "ntt/onnx/operators.h"
#include "ntt/ops/registry.h"
#include "ntt/report/table.h"
#include "ntt/sparse/lowering.h"

namespace ntt {
namespace {

/// What a node reads, where that is not the node before.
std::string read_by(const NodeSummary& node) {
  if (node.reads_previous) {
    return "";
  }
  return node.inputs.empty() ? "nothing" : fmt::format("{}", fmt::join(node.inputs, ", "));
}

/// A number, or nothing for 0.
std::string count_of(std::int64_t count) {
  return count == 0 ? "" : format_count(count);
}

std::string code(std::string_view word) {
  return fmt::format("`{}`", word);
}

}  // namespace

std::string node_table(const Graph& graph) {
  const Align right = Align::right;
  Table table({{"node"},
               {"type"},
               {"reads"},
               {"output", right},
               {"parameters", right},
               {"multiply-adds", right},
               {"can be pruned", right}});
  const std::vector<NodeSummary> nodes = summarise(graph);
  for (const NodeSummary& node : nodes) {
    table.add_row({node.name, node.type, read_by(node), to_string(node.output), count_of(node.parameters),
                   count_of(node.multiply_adds), count_of(node.prunable)});
  }
  const GraphTotal total = total_of(nodes);
  table.add_row({"all", "", "", "", format_count(total.parameters), format_count(total.multiply_adds),
                 format_count(total.prunable)});
  return table.str();
}

nlohmann::json node_record(const Graph& graph) {
  const std::vector<NodeSummary> summaries = summarise(graph);
  nlohmann::json nodes = nlohmann::json::array();
  for (const NodeSummary& node : summaries) {
    nodes.push_back({{"name", node.name},
                     {"type", node.type},
                     {"inputs", node.inputs},
                     {"output_shape", node.output},
                     {"weights", node.weights},
                     {"parameters", node.parameters},
                     {"multiply_adds", node.multiply_adds},
                     {"prunable", node.prunable}});
  }
  const GraphTotal total = total_of(summaries);
  return {{"model", graph.name},
          {"input", graph.input_shape()},
          {"nodes", nodes},
          {"total",
           {{"parameters", total.parameters}, {"multiply_adds", total.multiply_adds}, {"prunable", total.prunable}}}};
}

std::string operator_table() {
  Table table({{"type"}, {"inputs"}, {"computes"}, {"attributes"}, {"parameters"}, {"read from ONNX's"}, {"sparse"}});
  for (const OperatorType& type : operator_types()) {
    std::vector<std::string> attributes;
    for (const std::string_view attribute : type.attributes) {
      attributes.push_back(code(attribute));
    }
    table.add_row({code(type.name), std::string(type.inputs), std::string(type.formula),
                   fmt::format("{}", fmt::join(attributes, ", ")), std::string(type.parameters),
                   fmt::format("{}", fmt::join(onnx_import::operators_read_as(type.name), ", ")),
                   has_sparse_kernel(type.name) ? "yes" : ""});
  }
  return table.markdown();
}

}  // namespace ntt
