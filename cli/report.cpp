#include <fmt/format.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/process/log.h"
#include "cli/process/terminal_observer.h"
#include "cli/run_support.h"
#include "ntt/page/report.h"

namespace ntt {
namespace {

struct ReportCommand {
  CommonOptions common;
  std::string folder;
};

void run_report(const ReportCommand& command) {
  const std::filesystem::path out = command.common.out.empty() ? std::filesystem::path(command.folder) / "report"
                                                               : std::filesystem::path(command.common.out);
  TerminalObserver observer;
  const ReportResult result = write_report(command.folder, out, observer);
  log_warnings(result.warnings);
  print_result(command.common,
               {{"what", "report"},
                {"page", result.page.string()},
                {"runs", result.runs},
                {"finished", result.finished},
                {"figures", result.figures},
                {"warnings", result.warnings}},
               {{"page", result.page.string()},
                {"runs", fmt::format("{} of {} finished", result.finished, result.runs)},
                {"figures", fmt::format("{}", result.figures.size())}});
}

}  // namespace

void add_report_command(CLI::App& app) {
  CLI::App* report = add_run_command(app, "report", "Draw an experiment, or a folder of runs, as one page",
                                     "ntt report runs/fashion-mlp-quick");
  auto command = std::make_shared<ReportCommand>();
  report->add_option("folder", command->folder, "An experiment's folder, a run folder, or a folder of run folders")
      ->required()
      ->type_name("DIR");
  report->add_option("--out", command->common.out, "Folder of the page (default: DIR/report)")->type_name("DIR");
  report->add_flag("--json", command->common.json, "Print one JSON object");
  report->callback([command] { run_report(*command); });
}

}  // namespace ntt
