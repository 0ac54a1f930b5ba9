#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/inspect_model.h"
#include "cli/model_options.h"
#include "cli/process/log.h"
#include "cli/run_support.h"
#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/models/graph_drawing.h"
#include "ntt/models/zoo.h"
#include "ntt/nn/cost.h"
#include "ntt/nn/cost_record.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

struct InspectCommand {
  CommonOptions common;
  std::string network;
  std::string model;
  std::string input;
  std::int64_t classes = 0;
  std::string graph;
  bool operators = false;
};

nlohmann::json record_of(const NetworkFile& file) {
  nlohmann::json record = {{"what", "inspect"}, {"metadata", file.metadata}, {"density", file.network.density()}};
  record.update(cost_record(file.network));
  if (file.format.normalisation) {
    record["preprocessing"] = nlohmann::json::parse(file.metadata.at("preprocessing"));
  }
  if (!file.format.class_names.empty()) {
    record["class_names"] = file.format.class_names;
  }
  return record;
}

/// How raw inputs are standardised: "uint8 / 255, mean 0.1307, deviation 0.3081".
std::string inputs_text(const Normalisation& normalisation) {
  return fmt::format("{}, mean {:.4g}, deviation {:.4g}", normalisation.bytes ? "uint8 / 255" : "float",
                     fmt::join(normalisation.mean, " "), fmt::join(normalisation.standard_deviation, " "));
}

/// What the file says of the network, but for what is long or for programs.
std::string about_table(const NetworkFile& file) {
  std::set<std::string> for_programs{"architecture", "format"};
  if (file.format.normalisation) {
    for_programs.insert("preprocessing");
  }
  if (!file.format.class_names.empty()) {
    for_programs.insert("class_names");
  }
  Table about({{"of"}, {"this network"}});
  for (const auto& [key, value] : file.metadata) {
    if (!for_programs.contains(key)) {
      about.add_row({key, value});
    }
  }
  if (file.format.normalisation) {
    about.add_row({"inputs", inputs_text(*file.format.normalisation)});
  }
  if (!file.format.class_names.empty()) {
    about.add_row({"classes", fmt::format("{}", fmt::join(file.format.class_names, ", "))});
  }
  return about.str();
}

std::string table_of(const std::vector<LayerCost>& costs) {
  const Align right = Align::right;
  Table table({{"layer"},
               {"weight"},
               {"kept", right},
               {"of", right},
               {"density", right},
               {"empty outputs", right},
               {"unread inputs", right},
               {"multiply-adds", right},
               {"if dense", right},
               {"compact", right},
               {"masked", right},
               {"dense", right}});
  for (const LayerCost& cost : costs) {
    table.add_row({cost.name, fmt::format("{}", fmt::join(cost.shape, "x")), format_count(cost.kept),
                   format_count(cost.weights), fmt::format("{:.4g}", cost.density()), format_count(cost.empty_outputs),
                   format_count(cost.unread_inputs), format_count(cost.sparse_multiply_adds()),
                   format_count(cost.dense_multiply_adds()), format_bytes(static_cast<double>(cost.compact_bytes)),
                   format_bytes(static_cast<double>(cost.masked_bytes)),
                   format_bytes(static_cast<double>(cost.dense_bytes()))});
  }
  const TotalCost total = total_cost(costs);
  table.add_row({"all", "", format_count(total.kept), format_count(total.weights),
                 fmt::format("{:.4g}", static_cast<double>(total.kept) / static_cast<double>(total.weights)), "", "",
                 format_count(total.sparse_multiply_adds), format_count(total.dense_multiply_adds),
                 format_bytes(static_cast<double>(total.compact_bytes)),
                 format_bytes(static_cast<double>(total.masked_bytes)),
                 format_bytes(static_cast<double>(total.dense_bytes))});
  return table.str();
}

/// "3x32x32" as a shape.
Shape parse_input(const std::string& text) {
  Shape shape;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    std::int64_t side = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, side);
    if (error != std::errc() || stop != text.data() + end || side < 1) {
      fail_input("--input is '{}', but must be the sides of an input, such as 3x32x32", text);
    }
    shape.push_back(side);
    at = end + 1;
  }
  return shape;
}

/// A built-in model for the inputs and classes asked for, or a file's.
Graph model_graph(const InspectCommand& command) {
  const std::vector<std::string> built_in = zoo_models();
  if (std::ranges::find(built_in, command.model) == built_in.end()) {
    if (!command.input.empty() || command.classes != 0) {
      fail_input("--input and --classes are for built-in models, but '{}' is a file, which has its own", command.model);
    }
    Model model = published_model(command.model);
    log_warnings(model.warnings);
    return std::move(model.graph);
  }
  constexpr std::int64_t kPublishedClasses = 10;
  return zoo_model(command.model, command.input.empty() ? published_input(command.model) : parse_input(command.input),
                   command.classes == 0 ? kPublishedClasses : command.classes);
}

void draw(const InspectCommand& command, const Graph& graph) {
  if (!command.graph.empty()) {
    write_file_atomically(command.graph, draw_svg(graph));
    spdlog::info("wrote {}", command.graph);
  }
}

void inspect_network(const InspectCommand& command) {
  const NetworkFile file = read_network(command.network);
  log_warnings(file.warnings);
  draw(command, file.network.graph());
  if (command.common.json) {
    fmt::print("{}\n", record_of(file).dump(2));
    return;
  }
  fmt::print("{}\n{}", about_table(file), table_of(layer_costs(file.network)));
}

void inspect_model(const InspectCommand& command) {
  const Graph graph = model_graph(command);
  draw(command, graph);
  if (command.common.json) {
    nlohmann::json record = {{"what", "inspect"}};
    record.update(node_record(graph));
    fmt::print("{}\n", record.dump(2));
    return;
  }
  fmt::print("{} for inputs of {}\n\n{}", graph.name, to_string(graph.input_shape()), node_table(graph));
}

void run_inspect(const InspectCommand& command) {
  const int asked = int{!command.network.empty()} + int{!command.model.empty()} + int{command.operators};
  if (asked != 1) {
    fail_input("ntt inspect takes one of a run folder or network file, --model and --operators");
  }
  if (command.model.empty() && (!command.input.empty() || command.classes != 0)) {
    fail_input("--input and --classes go with --model");
  }
  if (!command.graph.empty() && command.operators) {
    fail_input("--graph draws a network, not operators");
  }
  if (!command.graph.empty() && !command.graph.ends_with(".svg")) {
    fail_input("--graph draws SVG: name a file that ends in .svg, not '{}'", command.graph);
  }
  if (command.operators) {
    fmt::print("{}", operator_table());
  } else if (command.model.empty()) {
    inspect_network(command);
  } else {
    inspect_model(command);
  }
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* inspect = add_run_command(app, "inspect", "What is left of each layer of a network, or what a model is",
                                      "ntt inspect runs/ntt\n  ntt inspect --model resnet-20 --graph resnet-20.svg");
  auto command = std::make_shared<InspectCommand>();
  inspect->add_option("network", command->network, "Run folder or network file")->type_name("DIR|FILE");
  inspect->add_option("--model", command->model, model_help());
  inspect->add_option("--input", command->input, "Inputs of a built-in model, else those of its authors")
      ->type_name("CxHxW");
  inspect->add_option("--classes", command->classes, "Classes of a built-in model, else ten")
      ->check(CLI::Range(1, 1 << 20))
      ->default_str("");
  inspect->add_option("--graph", command->graph, "Draw the network into this file")->type_name("FILE.svg");
  inspect->add_flag("--operators", command->operators, "Print every layer type as a Markdown table");
  inspect->add_flag("--json", command->common.json, "Print one JSON object");
  inspect->callback([command] { run_inspect(*command); });
}

}  // namespace ntt
