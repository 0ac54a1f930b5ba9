#pragma once

#include <CLI/App.hpp>
#include <string>

namespace ntt {

/// Sets the layout of --help for `app` and the sub-commands added after it: names and values on the left, what they
/// mean and the default on the right.
void set_help_layout(CLI::App& app);

/// What CLI11 found wrong with a command line, as one sentence that names the command and the nearest known word.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace ntt
