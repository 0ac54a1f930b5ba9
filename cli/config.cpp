#include "cli/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/io/toml_options.h"

namespace ntt {
namespace {

bool is_flag(const CLI::Option& option) {
  return option.get_expected_min() == 0;
}

std::string_view name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string_view() : std::string_view(option.get_lnames().front());
}

/// The options that a file may set, those in option groups included.
std::vector<const CLI::Option*> file_options(const CLI::App& app) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_configurable() && !name_of(*option).empty() && option != app.get_help_ptr()) {
      options.push_back(option);
    }
  }
  for (const CLI::App* group : app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); })) {
    const auto inner = file_options(*group);
    options.insert(options.end(), inner.begin(), inner.end());
  }
  return options;
}

std::set<std::string> all_commands(const CLI::App& subcommand) {
  std::set<std::string> names{subcommand.get_name()};
  if (const CLI::App* parent = subcommand.get_parent()) {
    for (const CLI::App* sibling : parent->get_subcommands({})) {
      names.insert(sibling->get_name());
    }
  }
  return names;
}

CLI::Option& find_option(CLI::App& app, const TomlOption& given, const std::string& where) {
  std::vector<std::string> known;
  for (const CLI::Option* option : file_options(app)) {
    known.emplace_back(name_of(*option));
  }
  if (std::ranges::find(known, given.name) == known.end()) {
    const std::string near = nearest_name(given.name, known);
    fail_input("{}: '{}' is no option of 'ntt {}'{}", where, given.name, app.get_name(),
               near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  return *app.get_option("--" + given.name);
}

void check_kind(const CLI::Option& option, const TomlOption& given, const std::string& where) {
  const bool takes_boolean = is_flag(option) || option.get_type_name().starts_with("BOOL");
  if (is_flag(option) && given.kind != TomlOption::Kind::kBoolean) {
    fail_input("{}: option '{}' must be true or false", where, given.name);
  }
  // Told apart here because CLI11 would read `true` as the number 1.
  if (!takes_boolean && given.kind == TomlOption::Kind::kBoolean) {
    fail_input("{}: option '{}' takes a value, not {}", where, given.name, given.values.front());
  }
}

/// "INT in [1 - 9]" out of CLI11's "INT:INT in [1 - 9]".
std::string type_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t colon = type.find(':');
  return colon != std::string::npos && type.find(" in [") != std::string::npos ? type.substr(colon + 1) : type;
}

/// What an option takes, where CLI11's own sentence would repeat the value or spell out the largest double.
std::string reason(const CLI::Option& option, const CLI::ParseError& error) {
  const std::string message = error.what();
  if (error.get_name() != "ValidationError" || message.find("not in range") != std::string::npos) {
    return fmt::format("it takes {}{}", option.get_expected_max() > 1 ? "a list of " : "one ", type_of(option));
  }
  const std::string prefix = option.get_name() + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

void apply_file(CLI::App& app, const std::string& path) {
  for (const TomlOption& given : read_toml_options(path, app.get_name(), all_commands(app))) {
    const std::string where = fmt::format("{}, line {}", path, given.line);
    CLI::Option& option = find_option(app, given, where);
    check_kind(option, given, where);
    if (option.count() > 0) {
      continue;  // the command line wins
    }
    try {
      option.add_result(given.values);
      option.run_callback();
    } catch (const CLI::ParseError& error) {
      fail_input("{}: option '{}' cannot be {}: {}", where, given.name, fmt::join(given.values, ", "),
                 reason(option, error));
    }
  }
}

/// A number in TOML's spelling; nothing for what is no number or an integer past TOML's 64 bits.
std::optional<std::string> number_text(const std::string& value) {
  const char* end = value.data() + value.size();
  std::int64_t whole = 0;
  if (const auto parsed = std::from_chars(value.data(), end, whole); parsed.ptr == end && !value.empty()) {
    return parsed.ec == std::errc() ? std::optional(fmt::format("{}", whole)) : std::nullopt;
  }
  double real = 0;
  if (const auto parsed = std::from_chars(value.data(), end, real); parsed.ec == std::errc() && parsed.ptr == end) {
    return fmt::format("{}", real);
  }
  return std::nullopt;
}

std::vector<std::string> values_of(const CLI::Option& option) {
  if (option.count() > 0) {
    return option.reduced_results();
  }
  const std::string text = option.get_default_str();
  if (text.empty()) {
    return is_flag(option) ? std::vector<std::string>{"false"} : std::vector<std::string>{};
  }
  if (option.get_expected_max() > 1) {
    // A list's default reads "[1,2]", or "1 2" where libtorch's operator<< for vectors is in sight.
    return CLI::detail::split_up(text.front() == '[' ? text.substr(1, text.size() - 2) : text,
                                 text.front() == '[' ? ',' : ' ');
  }
  return {text};
}

TomlOption to_toml_option(const CLI::Option& option) {
  TomlOption resolved;
  resolved.name = name_of(option);
  resolved.values = values_of(option);
  resolved.is_list = option.get_expected_max() > 1;
  resolved.given = option.count() > 0;
  const auto is_truth = [](const std::string& value) { return value == "true" || value == "false"; };
  if (is_flag(option) && std::ranges::all_of(resolved.values, is_truth)) {
    resolved.kind = TomlOption::Kind::kBoolean;
    return resolved;
  }
  // The "7" of an option for text or for a path stays a string.
  const std::string type = option.get_type_name();
  const bool is_text = std::ranges::any_of(std::array{"TEXT", "FILE", "DIR"},
                                           [&type](const char* word) { return type.find(word) != std::string::npos; });
  std::vector<std::string> numbers;
  for (const std::string& value : resolved.values) {
    const auto number = number_text(value);
    if (!number || is_text) {
      return resolved;
    }
    numbers.push_back(*number);
  }
  resolved.kind = TomlOption::Kind::kNumber;
  resolved.values = std::move(numbers);
  return resolved;
}

}  // namespace

void add_config_option(CLI::App& subcommand) {
  // CLI11's own set_config() is read for the program as a whole and not for a sub-command, so this is an option whose
  // callback fills in the others. CLI11 runs callbacks before it asks whether required options are there.
  subcommand
      .add_option_function<std::string>(
          "--config",
          [&subcommand](const std::string& path) {
            if (subcommand.get_help_ptr() == nullptr || subcommand.get_help_ptr()->count() == 0) {
              apply_file(subcommand, path);
            }
          },
          "Take options that are not given here from this TOML file")
      ->type_name("FILE")
      ->configurable(false);
}

std::vector<TomlOption> resolved_options(const CLI::App& subcommand) {
  std::vector<TomlOption> resolved;
  for (const CLI::Option* option : file_options(subcommand)) {
    resolved.push_back(to_toml_option(*option));
  }
  return resolved;
}

}  // namespace ntt
