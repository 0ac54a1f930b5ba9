#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/io/read_file.h"

namespace ntt {

/// The options that take a list.
inline const std::set<std::string> kLists{"augment", "classes", "keep", "milestones"};

/// Options of a stage: {"epochs": "20"}.
using Options = std::map<std::string, std::string>;
using Grid = std::map<std::string, std::vector<std::string>>;

inline const std::map<std::string, std::vector<std::string>> kDefaults = {
    {"data", {}},    {"train-data", {}},   {"model", {"lenet-300-100"}}, {"method", {}},
    {"density", {}}, {"scope", {"layer"}}, {"ablation", {"none"}},       {"seed", {"1"}}};

/// Options that replace others, under a name of their own.
struct Variant {
  std::string name;
  Options find;
  Options train;
};

/// The tables of an experiment's file, one profile of them; InputError naming file and key.
class PlanReader {
 public:
  PlanReader(const std::filesystem::path& path, bool quick) : path_(path) {
    try {
      root_ = toml::parse(read_file(path));
    } catch (const toml::parse_error& error) {
      fail_input("{}, line {}: {}", path_.string(), error.source().begin.line, error.description());
    }
    check_keys(root_, "", {"name", "grid", "find", "train", "variant", "quick"});
    if (const toml::table* replaced = root_["quick"].as_table()) {
      check_keys(*replaced, "quick.", {"grid", "find", "train", "variant"});
      if (quick) {
        quick_ = replaced;
      }
    }
  }

  std::string name() const {
    const auto name = root_["name"].value<std::string>();
    return name ? *name : path_.stem().string();
  }

  Grid grid() const {
    Grid grid = kDefaults;
    for (const toml::table* table : tables("grid")) {
      for (const auto& [key, node] : *table) {
        const std::string name(key.str());
        if (!grid.contains(name)) {
          fail(
              fmt::format("[grid] has no '{}'; it knows data, train-data, model, method, density, scope, ablation and "
                          "seed",
                          name));
        }
        grid[name] = values(name, node);
      }
    }
    for (const std::string required : {"data", "method", "density"}) {
      if (grid[required].empty()) {
        fail(fmt::format("[grid] needs '{}', a list", required));
      }
    }
    return grid;
  }

  Options options(const std::string& stage) const {
    Options chosen;
    for (const toml::table* table : tables(stage)) {
      read_options(*table, fmt::format("[{}]", stage), chosen);
    }
    return chosen;
  }

  /// The file's variants, or those of the quick profile.
  std::vector<Variant> variants() const {
    const bool replaced = quick_ != nullptr && quick_->contains("variant");
    const toml::node* node = (replaced ? *quick_ : root_).get("variant");
    if (node == nullptr) {
      return {};
    }
    if (!node->is_array_of_tables()) {
      fail("variants must be tables, [[variant]]");
    }
    std::vector<Variant> found;
    for (const toml::node& entry : *node->as_array()) {
      found.push_back(variant(*entry.as_table()));
      if (std::ranges::count(found, found.back().name, &Variant::name) > 1) {
        fail(fmt::format("there are two variants '{}'", found.back().name));
      }
    }
    return found;
  }

  [[noreturn]] void fail(const std::string& what) const { fail_input("{}: {}", path_.string(), what); }

 private:
  Variant variant(const toml::table& table) const {
    check_keys(table, "variant.", {"name", "find", "train"});
    Variant read{table["name"].value_or(std::string()), {}, {}};
    const auto fits_a_folder = [](unsigned char c) {
      return std::isalnum(c) != 0 || std::strchr("-_.=+", c) != nullptr;
    };
    if (read.name.empty() || !std::ranges::all_of(read.name, fits_a_folder)) {
      fail(fmt::format("a variant's name is '{}', but it is part of folders' names: letters, digits and -_.=+ only",
                       read.name));
    }
    const std::string where = fmt::format("variant '{}'", read.name);
    for (const auto& [stage, into] : {std::pair("find", &read.find), std::pair("train", &read.train)}) {
      if (const toml::table* options = table[stage].as_table()) {
        read_options(*options, where, *into);
      } else if (table.contains(stage)) {
        fail(fmt::format("{}: '{}' must be a table of options", where, stage));
      }
    }
    if (read.find.empty() && read.train.empty()) {
      fail(where + " changes nothing; give it 'find' or 'train', if only with a default spelt out");
    }
    return read;
  }

  /// Adds a table's options, or lets them take the place of those of their names.
  void read_options(const toml::table& table, const std::string& where, Options& into) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::vector<std::string> texts = values(name, node);
      if (texts.size() != 1 && !kLists.contains(name)) {
        fail(fmt::format("{} '{}' must be one value", where, name));
      }
      into[name] = fmt::format("{}", fmt::join(texts, ","));
    }
  }

  /// The tables of that name: the file's, and the quick profile's, which goes before it.
  std::vector<const toml::table*> tables(const std::string& name) const {
    std::vector<const toml::table*> found;
    for (const toml::table* from : {&root_, quick_}) {
      if (from != nullptr && from->contains(name)) {
        const toml::table* table = (*from)[name].as_table();
        if (table == nullptr) {
          fail(fmt::format("'{0}' must be a table, [{0}]", name));
        }
        found.push_back(table);
      }
    }
    return found;
  }

  void check_keys(const toml::table& table, const std::string& prefix, const std::set<std::string>& known) const {
    for (const auto& [key, node] : table) {
      if (!known.contains(std::string(key.str()))) {
        fail(fmt::format("there is no '{}{}'; known are {}", prefix, key.str(), fmt::join(known, ", ")));
      }
    }
  }

  std::vector<std::string> values(const std::string& name, const toml::node& node) const {
    std::vector<std::string> texts;
    const auto add = [&](const toml::node& value) {
      if (const auto text = value.value<std::string>()) {
        texts.push_back(*text);
      } else if (value.is_integer()) {
        texts.push_back(fmt::format("{}", *value.value<std::int64_t>()));
      } else if (value.is_floating_point()) {
        texts.push_back(fmt::format("{}", *value.value<double>()));
      } else {
        fail(fmt::format("'{}' must hold strings or numbers", name));
      }
    };
    if (const toml::array* list = node.as_array()) {
      std::ranges::for_each(*list, add);
    } else {
      add(node);
    }
    return texts;
  }

  std::filesystem::path path_;
  toml::table root_;
  const toml::table* quick_ = nullptr;
};

}  // namespace ntt
