#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/completion_scripts.h"
#include "cli/usage.h"
#include "ntt/data/catalogue.h"
#include "ntt/models/zoo.h"

namespace ntt {
namespace {

using Paths = Candidates::Paths;

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const KnownDataset& known : known_datasets()) {
    names.push_back(known.name);
  }
  names.emplace_back("glyphs");
  return names;
}

/// What is known of the value of an option or an argument.
Candidates candidates_of(const CLI::App& command, const CLI::Option& option) {
  const std::string name = option.get_single_name();
  if (name == "model") {
    return {zoo_models(), Paths::kFiles};
  }
  if (name == "data" || (name == "name" && command.get_parent()->get_name() == "data")) {
    return {dataset_names(), Paths::kFolders};
  }
  if (name == "device") {
    return {{"cpu", "cuda"}, Paths::kNone};
  }
  const std::string type = option.get_type_name();
  const bool files = type.find("FILE") != std::string::npos;
  return {choices_of(option), files ? Paths::kFiles : type == "DIR" ? Paths::kFolders : Paths::kNone};
}

void add_options(const CLI::App& app, CompletedCommand& command) {
  for (const CLI::Option* option : app.get_options()) {
    const Candidates candidates = candidates_of(app, *option);
    if (option->get_positional()) {
      command.arguments.push_back(candidates);
      continue;
    }
    CompletedOption completed{{}, option->get_description(), option->get_expected_max() > 0, candidates};
    for (const std::string& name : option->get_snames()) {
      completed.names.push_back("-" + name);
    }
    for (const std::string& name : option->get_lnames()) {
      completed.names.push_back("--" + name);
    }
    command.options.push_back(std::move(completed));
  }
}

/// The command and those below it.
void collect(const CLI::App& app, std::vector<CompletedCommand>& commands) {
  CompletedCommand command{full_name(app), app.get_description(), {}, {}};
  add_options(app, command);
  commands.push_back(std::move(command));
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect(*below, commands);
  }
}

}  // namespace

void add_completion_command(CLI::App& app) {
  using Writer = std::string (*)(const std::vector<CompletedCommand>&);
  static const std::map<std::string, Writer> kWriters = {
      {"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};
  const auto shell = std::make_shared<std::string>();
  CLI::App* completion = app.add_subcommand("completion", "Print a script that makes a shell complete ntt's commands");
  completion->add_option("shell", *shell, "The shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer("Example:\n  source <(ntt completion bash)");
  completion->callback([&app, shell] {
    std::vector<CompletedCommand> commands;
    collect(app, commands);
    fmt::print("{}", kWriters.at(*shell)(commands));
  });
}

}  // namespace ntt
