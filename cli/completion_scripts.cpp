#include "cli/completion_scripts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

namespace ntt {
namespace {

using Commands = std::vector<CompletedCommand>;
using Paths = Candidates::Paths;

std::string program_of(const Commands& commands) {
  return commands.front().name;
}

std::string last_word(const std::string& name) {
  return name.substr(name.rfind(' ') + 1);
}

std::vector<const CompletedCommand*> below(const Commands& commands, const CompletedCommand& parent) {
  std::vector<const CompletedCommand*> children;
  for (const CompletedCommand& command : commands) {
    if (command.name == parent.name + " " + last_word(command.name)) {
      children.push_back(&command);
    }
  }
  return children;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

/// The patterns of a `case` that follows the words of a command line from command to command.
std::string command_patterns(const Commands& commands, std::string_view separator) {
  std::vector<std::string> names;
  for (const CompletedCommand& command : commands) {
    if (&command != &commands.front()) {
      names.push_back(fmt::format("'{}'", command.name));
    }
  }
  return fmt::format("{}", fmt::join(names, separator));
}

std::string bash_offer(const Candidates& candidates) {
  std::string offer = fmt::format("words='{}'", fmt::join(candidates.words, " "));
  if (candidates.paths != Paths::kNone) {
    offer += candidates.paths == Paths::kFolders ? " paths=directory" : " paths=file";
  }
  return offer;
}

/// The case of each option that takes a value.
std::string bash_values(const CompletedCommand& command) {
  std::string cases;
  for (const CompletedOption& option : command.options) {
    if (option.takes_value) {
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) {
        patterns.push_back(fmt::format("'{} {}'", command.name, name));
      }
      cases += fmt::format("    {}) {} ;;\n", fmt::join(patterns, " | "), bash_offer(option.candidates));
    }
  }
  return cases;
}

/// What may follow a command: those below it, its arguments, or its options.
std::string bash_words(const Commands& commands, const CompletedCommand& command) {
  std::vector<std::string> names;
  for (const CompletedOption& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  std::string cases = fmt::format("    '{}:'-*) words='{}' ;;\n", command.name, fmt::join(names, " "));
  std::vector<std::string> words;
  for (const CompletedCommand* child : below(commands, command)) {
    words.push_back(last_word(child->name));
  }
  if (!words.empty()) {
    return cases + fmt::format("    '{}:'*) words='{}' ;;\n", command.name, fmt::join(words, " "));
  }
  const Candidates otherwise = command.arguments.empty() ? Candidates{names, Paths::kNone} : command.arguments.front();
  return cases + fmt::format("    '{}:'*) {} ;;\n", command.name, bash_offer(otherwise));
}

/// Text between single quotes of zsh, inside the brackets or between the colons of a specification.
std::string zsh_text(std::string text) {
  for (const std::string_view special : {"\\", "[", "]", ":"}) {
    text = replaced(text, special, fmt::format("\\{}", special));
  }
  return replaced(text, "'", "'\\''");
}

std::string zsh_action(const Candidates& candidates) {
  const std::string paths = candidates.paths == Paths::kFolders ? "_files -/" : "_files";
  const std::string words = fmt::format("{}", fmt::join(candidates.words, " "));
  if (candidates.paths == Paths::kNone) {
    return words.empty() ? " " : fmt::format("({})", words);
  }
  // Without the blank, _arguments passes on options that _alternative does not take.
  return words.empty() ? paths : fmt::format(" _alternative \"words:word:({})\" \"paths:path:{}\"", words, paths);
}

std::string zsh_arguments(const CompletedCommand& command) {
  std::string specifications;
  for (const CompletedOption& option : command.options) {
    const std::string value = option.takes_value ? ":value:" + zsh_action(option.candidates) : "";
    for (const std::string& name : option.names) {
      const bool joined = option.takes_value && name.starts_with("--");
      specifications += fmt::format(" \\\n        '{}{}[{}]{}'", name, joined ? "=" : "", zsh_text(option.help), value);
    }
  }
  for (const Candidates& argument : command.arguments) {
    specifications += fmt::format(" \\\n        ':argument:{}'", zsh_action(argument));
  }
  return specifications;
}

std::string zsh_case(const Commands& commands, const CompletedCommand& command) {
  std::string body = fmt::format("    '{}')\n", command.name);
  std::vector<std::string> children;
  for (const CompletedCommand* child : below(commands, command)) {
    children.push_back(fmt::format("'{}:{}'", last_word(child->name), zsh_text(child->help)));
  }
  if (!children.empty()) {
    body += fmt::format("      children=(\n        {})\n", fmt::join(children, "\n        "));
  }
  body += "      _arguments" + zsh_arguments(command);
  if (!children.empty()) {
    body += " \\\n        ': :{_describe command children}'";
  }
  return body + " ;;\n";
}

std::string fish_quoted(std::string text) {
  return fmt::format("'{}'", replaced(replaced(std::move(text), "\\", "\\\\"), "'", "\\'"));
}

std::string fish_values(const Candidates& candidates) {
  std::string words = fmt::format("{}", fmt::join(candidates.words, " "));
  if (candidates.paths == Paths::kFolders) {
    words += words.empty() ? "(__fish_complete_directories)" : " (__fish_complete_directories)";
  }
  return (candidates.paths == Paths::kFiles ? " -F" : " -f") + (words.empty() ? "" : " -a " + fish_quoted(words));
}

std::string fish_lines(const Commands& commands, const CompletedCommand& command) {
  const std::string start =
      fmt::format("complete -c {} -n '__{}_at {}'", program_of(commands), program_of(commands), command.name);
  std::string lines;
  for (const CompletedCommand* child : below(commands, command)) {
    lines += fmt::format("{} -a {} -d {}\n", start, last_word(child->name), fish_quoted(child->help));
  }
  for (const CompletedOption& option : command.options) {
    lines += start;
    for (const std::string& name : option.names) {
      lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    lines +=
        (option.takes_value ? " -r" + fish_values(option.candidates) : "") + " -d " + fish_quoted(option.help) + "\n";
  }
  for (const Candidates& argument : command.arguments) {
    lines += start + fish_values(argument) + "\n";
  }
  return lines;
}

}  // namespace

std::string bash_completion(const Commands& commands) {
  std::string values;
  std::string words;
  for (const CompletedCommand& command : commands) {
    values += bash_values(command);
    words += bash_words(commands, command);
  }
  return fmt::format(R"(_{0}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command={0} words= paths= i
  # bash takes --option=value for three words
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${{COMP_WORDS[i]}}" in
      {1})
        command+=" ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$command $before" in
{2}    *)
  case "$command:$word" in
{3}  esac ;;
  esac
  COMPREPLY=()
  if [[ $words ]]; then mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"); fi
  if [[ $paths ]]; then
    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -A "$paths" -- "$word")
    compopt -o filenames 2>/dev/null
  fi
}}
complete -F _{0} {0}
)",
                     program_of(commands), command_patterns(commands, " | "), values, words);
}

std::string zsh_completion(const Commands& commands) {
  std::string cases;
  for (const CompletedCommand& command : commands) {
    cases += zsh_case(commands, command);
  }
  return fmt::format(R"(#compdef {0}
compdef _{0} {0}
_{0}() {{
  local command={0}
  local -a children
  while ((CURRENT > 2)); do
    case "$command $words[2]" in
      {1})
        command+=" $words[2]"; shift words; ((CURRENT--)) ;;
      *) break ;;
    esac
  done
  case $command in
{2}  esac
}}
# zsh takes a file of its function path for the function's body
if [[ $funcstack[1] == _{0} ]]; then _{0} "$@"; fi
)",
                     program_of(commands), command_patterns(commands, " | "), cases);
}

std::string fish_completion(const Commands& commands) {
  std::string lines;
  for (const CompletedCommand& command : commands) {
    lines += fish_lines(commands, command);
  }
  return fmt::format(R"(function __{0}_at
  set -l command {0}
  for word in (commandline -opc)[2..]
    switch "$command $word"
      case {1}
        set command "$command $word"
    end
  end
  test "$command" = "$argv"
end
complete -c {0} -f
{2})",
                     program_of(commands), command_patterns(commands, " "), lines);
}

}  // namespace ntt
