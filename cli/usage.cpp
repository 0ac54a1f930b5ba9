#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "ntt/io/toml_options.h"

namespace ntt {
namespace {

/// "INT:INT in [1 - 9]" is INT, and "TEXT:{layer,global}" layer|global: ranges are told by the error messages.
std::string value_word(const CLI::Option& option) {
  if (const std::vector<std::string> choices = choices_of(option); !choices.empty()) {
    return fmt::format("{}", fmt::join(choices, "|"));
  }
  const std::string type = option.get_type_name();
  const std::string word = type.substr(0, type.find(':'));
  return word == "UINT" ? "INT" : word;
}

class HelpLayout : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_expected_max() > 0 ? " " + value_word(*option) : "";  // nothing after a flag
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    if (option->get_required()) {
      return option->get_description() + " (required)";
    }
    const std::string fallback = option->get_default_str();
    return option->get_description() + (fallback.empty() ? "" : fmt::format(" (default: {})", fallback));
  }
};

/// The sub-command that the command line reached.
const CLI::App& reached(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : reached(*chosen.front());
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest_name(word, known);
  return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

}  // namespace

void set_help_layout(CLI::App& app) {
  auto layout = std::make_shared<HelpLayout>();
  constexpr std::size_t kColumn = 32;
  layout->column_width(kColumn);
  app.formatter(layout);
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  return open == std::string::npos ? std::vector<std::string>()
                                   : CLI::detail::split(type.substr(open + 1, type.rfind('}') - open - 1), ',');
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = reached(app);
  const std::string name = full_name(command);
  const std::vector<std::string> commands = command_names(command);
  const std::vector<std::string> unknown = command.remaining();
  if (!unknown.empty() && unknown.front().starts_with("-")) {
    const std::string option = unknown.front().substr(0, unknown.front().find('='));
    return fmt::format("{} has no option {}{}", name, option, suggestion(option, option_names(command)));
  }
  if (!unknown.empty()) {
    return commands.empty()
               ? fmt::format("{} takes no argument '{}'", name, unknown.front())
               : fmt::format("{} has no command '{}'{}", name, unknown.front(), suggestion(unknown.front(), commands));
  }
  if (!commands.empty()) {
    return fmt::format("{} needs a command: {}", name, fmt::join(commands, ", "));
  }
  std::string message = error.what();
  const std::size_t twice = message.find(": At Most 1 required");
  if (twice != std::string::npos) {
    message = message.substr(0, twice) + " is given more than once";
  }
  return fmt::format("{}; `{} --help` shows what is right", message, name);
}

}  // namespace ntt
