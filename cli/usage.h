#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace ntt {

/// Sets the layout of --help for `app` and the sub-commands added after it: names and values on the left, what they
/// mean and the default on the right.
void set_help_layout(CLI::App& app);

/// "ntt data fetch" for the command of that name.
std::string full_name(const CLI::App& app);

/// The words of an option that takes one of a set; none for other options.
std::vector<std::string> choices_of(const CLI::Option& option);

/// What CLI11 found wrong with a command line, as one sentence that names the command and the nearest known word.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace ntt
