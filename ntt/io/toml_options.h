#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ntt {

/// One option as a configuration file sets it.
struct TomlOption {
  enum class Kind { kString, kNumber, kBoolean };
  std::string name;                 ///< As on the command line, without the dashes: "batch-size".
  std::vector<std::string> values;  ///< One, or a list's elements, as the command line would spell them; or none yet.
  Kind kind = Kind::kString;        ///< Of the value, or of a list's first element.
  bool is_list = false;
  bool given = true;     ///< Asked for, not a default.
  std::size_t line = 0;  ///< In the file, from 1.
};

/// Reads the options of one command: the file's top-level keys and those of its table [command], which win. Tables of
/// the other commands are passed over. InputError naming file and line for what is no TOML, a table of no command, and
/// a value that is no string, number, boolean or list of those.
std::vector<TomlOption> read_toml_options(const std::filesystem::path& path, std::string_view command,
                                          const std::set<std::string>& commands);

/// A TOML table `[command]` of these options, one a line, without those that have no value.
std::string write_toml_options(std::string_view command, const std::vector<TomlOption>& options);

/// The same as a JSON object.
nlohmann::json toml_options_json(const std::vector<TomlOption>& options);

/// Gives the option of that name a value, where it is there without one: its default was not known before.
void fill_in(std::vector<TomlOption>& options, std::string_view name, const std::string& value, TomlOption::Kind kind);

/// The candidate that a mistyped word most likely meant (least edit distance); empty if none is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ntt
