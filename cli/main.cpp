#include <c10/util/Exception.h>
#include <fmt/color.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/commands.h"
#include "cli/process/log.h"
#include "cli/process/memory.h"
#include "cli/usage.h"
#include "ntt/core/error.h"
#include "ntt/version.h"

namespace {

constexpr int kFailed = 1;
constexpr int kBadInput = 2;
constexpr int kInterrupted = 130;

void add_commands(CLI::App& app) {
  app.require_subcommand(1);
  app.set_version_flag("--version", "ntt " NTT_VERSION);
  app.footer("Example:\n  ntt demo --out runs/demo\n\nntt COMMAND --help says more about each.");
  ntt::add_transfer_command(app);
  ntt::add_prune_command(app);
  ntt::add_ablate_command(app);
  ntt::add_train_command(app);
  ntt::add_rewind_command(app);
  ntt::add_evaluate_command(app);
  ntt::add_run_network_command(app);
  ntt::add_inspect_command(app);
  ntt::add_export_command(app);
  ntt::add_experiment_command(app);
  ntt::add_report_command(app);
  ntt::add_kernel_command(app);
  ntt::add_data_command(app);
  ntt::add_bench_command(app);
  ntt::add_doctor_command(app);
  ntt::add_demo_command(app);
  ntt::add_completion_command(app);
}

int run(int argc, char** argv) {
  CLI::App app("Neural Tangent Transfer: sparse networks found before training, without labels", "ntt");
  ntt::set_help_layout(app);
  add_commands(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      return app.exit(error);
    }
    throw ntt::InputError(ntt::usage_error(app, error));
  }
}

}  // namespace

int main(int argc, char** argv) {
  ntt::keep_freed_memory();
  ntt::setup_log();
  try {
    return run(argc, argv);
  } catch (const ntt::Interrupted& stop) {
    spdlog::warn("{}", stop.what());
    return kInterrupted;
  } catch (const ntt::InputError& error) {
    spdlog::error("{}", error.what());
    return kBadInput;
  } catch (const c10::Error& error) {
    spdlog::error("{}", error.what_without_backtrace());
    return kFailed;
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    return kFailed;
  }
}
