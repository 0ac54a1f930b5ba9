#include "ntt/io/toml_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/io/read_file.h"

namespace ntt {
namespace {

std::string where(const std::filesystem::path& path, std::size_t line) {
  return fmt::format("{}, line {}", path.string(), line);
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  if (const auto* whole = node.as_integer()) {
    return fmt::format("{}", whole->get());
  }
  if (const auto* real = node.as_floating_point()) {
    return fmt::format("{}", real->get());
  }
  if (const auto* truth = node.as_boolean()) {
    return truth->get() ? "true" : "false";
  }
  return std::nullopt;
}

TomlOption::Kind kind_of(const toml::node& node) {
  if (node.is_boolean()) {
    return TomlOption::Kind::kBoolean;
  }
  return node.is_number() ? TomlOption::Kind::kNumber : TomlOption::Kind::kString;
}

TomlOption parse_option(const std::filesystem::path& path, const std::string& name, const toml::node& node) {
  TomlOption option;
  option.name = name;
  option.line = node.source().begin.line;
  const auto add = [&](const toml::node& value) {
    auto text = scalar_text(value);
    if (!text) {
      fail_input("{}: option '{}' must be a string, a number, true or false, or a list of these",
                 where(path, option.line), name);
    }
    if (option.values.empty()) {
      option.kind = kind_of(value);
    }
    option.values.push_back(std::move(*text));
  };
  if (const auto* list = node.as_array()) {
    option.is_list = true;
    for (const toml::node& element : *list) {
      add(element);
    }
  } else {
    add(node);
  }
  return option;
}

/// Adds the option, or takes the place of the one of that name.
void set_option(std::vector<TomlOption>& options, TomlOption option) {
  const auto same = std::ranges::find(options, option.name, &TomlOption::name);
  if (same == options.end()) {
    options.push_back(std::move(option));
  } else {
    *same = std::move(option);
  }
}

std::string toml_text(const std::string& value, TomlOption::Kind kind) {
  if (kind == TomlOption::Kind::kNumber || kind == TomlOption::Kind::kBoolean) {
    return value;
  }
  std::ostringstream stream;
  stream << toml::toml_formatter(toml::value<std::string>(value), toml::format_flags::none);
  return stream.str();
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::vector<TomlOption> read_toml_options(const std::filesystem::path& path, std::string_view command,
                                          const std::set<std::string>& commands) {
  toml::table root;
  try {
    root = toml::parse(read_file(path));
  } catch (const toml::parse_error& error) {
    fail_input("{}: {}", where(path, error.source().begin.line), error.description());
  }
  std::vector<TomlOption> options;
  for (const auto& [key, node] : root) {
    if (!node.is_table()) {
      options.push_back(parse_option(path, std::string(key.str()), node));
    } else if (!commands.contains(std::string(key.str()))) {
      const std::string near = nearest_name(key.str(), {commands.begin(), commands.end()});
      fail_input("{}: there is no command '{}'{}", where(path, node.source().begin.line), key.str(),
                 near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
    }
  }
  if (const toml::table* own = root[command].as_table()) {
    for (const auto& [key, node] : *own) {
      set_option(options, parse_option(path, std::string(key.str()), node));
    }
  }
  return options;
}

std::string write_toml_options(std::string_view command, const std::vector<TomlOption>& options) {
  std::string text = fmt::format("[{}]\n", command);
  for (const TomlOption& option : options) {
    if (option.values.empty()) {
      continue;
    }
    std::vector<std::string> texts;
    for (const std::string& value : option.values) {
      texts.push_back(toml_text(value, option.kind));
    }
    const std::string joined = fmt::format("{}", fmt::join(texts, ", "));
    text += fmt::format("{} = {}\n", option.name, option.is_list ? fmt::format("[{}]", joined) : joined);
  }
  return text;
}

nlohmann::json toml_options_json(const std::vector<TomlOption>& options) {
  const toml::table table = toml::parse(write_toml_options("options", options));
  std::ostringstream text;
  text << toml::json_formatter(table);
  return nlohmann::json::parse(text.str()).at("options");
}

void fill_in(std::vector<TomlOption>& options, std::string_view name, const std::string& value, TomlOption::Kind kind) {
  const auto found = std::ranges::find(options, name, &TomlOption::name);
  if (found != options.end() && found->values.empty()) {
    found->values = {value};
    found->kind = kind;
  }
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, (word.size() + 1) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace ntt
