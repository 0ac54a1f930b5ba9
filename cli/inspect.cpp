#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/cost_record.h"
#include "cli/run_support.h"
#include "ntt/nn/cost.h"
#include "ntt/nn/network_file.h"
#include "ntt/report/table.h"

namespace ntt {
namespace {

struct InspectCommand {
  CommonOptions common;
  std::string network;
};

nlohmann::json record_of(const NetworkFile& file) {
  nlohmann::json record = {{"what", "inspect"}, {"metadata", file.metadata}, {"density", file.network.density()}};
  record.update(cost_record(file.network));
  return record;
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

void run_inspect(const InspectCommand& command) {
  const NetworkFile file = read_network(command.network);
  if (command.common.json) {
    fmt::print("{}\n", record_of(file).dump(2));
    return;
  }
  Table about({{"of"}, {"this network"}});
  for (const auto& [key, value] : file.metadata) {
    if (key != "architecture" && key != "format") {
      about.add_row({key, value});
    }
  }
  fmt::print("{}\n{}", about.str(), table_of(layer_costs(file.network)));
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* inspect = add_run_command(app, "inspect", "What is left of each layer of a network, and what it costs",
                                      "ntt inspect runs/ntt");
  auto command = std::make_shared<InspectCommand>();
  inspect->add_option("network", command->network, "Run folder or network file")->required()->type_name("DIR|FILE");
  inspect->add_flag("--json", command->common.json, "Print one JSON object");
  inspect->callback([command] { run_inspect(*command); });
}

}  // namespace ntt
