#pragma once

#include <CLI/App.hpp>
#include <vector>

#include "ntt/io/toml_options.h"

namespace ntt {

/// Adds `--config FILE` to a sub-command: options that the command line leaves out are taken from the TOML file. Call
/// it at any point while the sub-command is set up. While parsing, InputError names the file, line and option that is
/// unknown (with the nearest known one) or has a wrong value.
void add_config_option(CLI::App& subcommand);

/// The sub-command's options as they stand after parsing, as --config takes them back; those that are not
/// configurable() are left out. Defaults that CLI11 was not told to capture
/// (`option_defaults()->always_capture_default()`) have no value.
std::vector<TomlOption> resolved_options(const CLI::App& subcommand);

}  // namespace ntt
