#include "ntt/models/graph_drawing.h"

#include <fmt/format.h>

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/program.h"
#include "ntt/io/read_file.h"
#include "ntt/models/summary.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

constexpr const char* kWeightColour = "#cfe2f3";
constexpr const char* kHead = R"(digraph network {{
  graph [fontname="Helvetica", fontsize=13, labelloc=t, label=<{}>, bgcolor=white, ranksep=0.3, nodesep=0.3, pad=0.2]
  node [fontname="Helvetica", fontsize=12, shape=plain]
  edge [color="#404040", arrowsize=0.7]
)";

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// The box of each value: the first node of the chain of its producer.
class Boxes {
 public:
  explicit Boxes(const Graph& graph) : graph_(graph), first_(graph.nodes.size()) {
    const auto users = users_of(graph);
    for (NodeId i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      first_[i] = i;
      if (node.inputs.size() == 1 && graph.values[node.inputs.front()].producer && !has_weights(node) &&
          users[node.inputs.front()].size() == 1) {
        first_[i] = first_[*graph.values[node.inputs.front()].producer];
      }
    }
  }

  NodeId first(NodeId node) const { return first_[node]; }

  /// Graphviz's name of the box that makes a value.
  std::string maker(ValueId value) const {
    const auto& producer = graph_.values[value].producer;
    return producer ? fmt::format("n{}", first_[*producer]) : "input";
  }

  bool has_weights(const Node& node) const {
    return std::ranges::any_of(node.parameters,
                               [&](ParameterId id) { return graph_.parameters[id].role == Role::weight; });
  }

 private:
  const Graph& graph_;
  std::vector<NodeId> first_;
};

std::string box(const std::string& name, const std::string& rows) {
  return fmt::format(
      "  {} [label=<<table border=\"1\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"4\">{}</table>>]\n", name,
      rows);
}

std::string row(const std::string& name, const std::string& type, const Shape& shape, bool has_weights) {
  const std::string colour = has_weights ? fmt::format(" bgcolor=\"{}\"", kWeightColour) : "";
  return fmt::format(
      "<tr><td align=\"left\"{0}><b>{1}</b></td><td align=\"left\"{0}>{2}</td><td align=\"right\"{0}>{3}</td></tr>",
      colour, escaped(name), escaped(type), to_string(shape));
}

std::string title(const Graph& graph, const std::vector<NodeSummary>& nodes) {
  const GraphTotal total = total_of(nodes);
  return fmt::format(
      "<b>{}</b><br/>{} parameters, of which {} weights can be pruned: those of the coloured rows<br/>Shapes are of "
      "outputs, without the batch.<br/> ",
      escaped(graph.name), format_count(total.parameters), format_count(total.prunable));
}

}  // namespace

std::string to_dot(const Graph& graph) {
  const Boxes boxes(graph);
  const std::vector<NodeSummary> nodes = summarise(graph);
  std::vector<std::string> rows(nodes.size());
  std::string edges;
  for (NodeId i = 0; i < nodes.size(); ++i) {
    const NodeId first = boxes.first(i);
    rows[first] += row(nodes[i].name, nodes[i].type, nodes[i].output, !nodes[i].weights.empty());
    if (first == i) {
      for (const ValueId input : graph.nodes[i].inputs) {
        edges += fmt::format("  {} -> n{}\n", boxes.maker(input), i);
      }
    }
  }
  std::string dot = fmt::format(kHead, title(graph, nodes));
  dot += box("input", row("input", "", graph.input_shape(), false));
  for (NodeId i = 0; i < nodes.size(); ++i) {
    if (!rows[i].empty()) {
      dot += box(fmt::format("n{}", i), rows[i]);
    }
  }
  return dot + edges + "}\n";
}

std::string draw_svg(const Graph& graph) {
  const TemporaryFolder folder("graph");
  const auto words = folder / "words";
  const auto svg = folder / "graph.svg";
  write_file_atomically(folder / "graph.dot", to_dot(graph));
  if (!run_program({"dot", "-Tsvg", (folder / "graph.dot").string(), "-o", svg.string()}, words,
                   "graphs are drawn by Graphviz, which is not installed: apt-get install graphviz")) {
    fail_run("Graphviz could not draw the graph: {}", read_file(words));
  }
  return read_file(svg);
}

}  // namespace ntt
