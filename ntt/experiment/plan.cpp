#include "ntt/experiment/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <map>
#include <set>

#include "ntt/core/error.h"
#include "ntt/io/read_file.h"

namespace ntt {
namespace {

constexpr const char* kDense = "dense";
constexpr const char* kNoAblation = "none";

/// Options of a stage as words: {"--epochs", "20"}.
using Words = std::vector<std::string>;
using Grid = std::map<std::string, std::vector<std::string>>;

const std::map<std::string, std::vector<std::string>> kDefaults = {
    {"data", {}},    {"train-data", {}},   {"model", {"lenet-300-100"}}, {"method", {}},
    {"density", {}}, {"scope", {"layer"}}, {"ablation", {kNoAblation}},  {"seed", {"1"}}};

class PlanReader {
 public:
  PlanReader(const std::filesystem::path& path, bool quick) : path_(path) {
    try {
      root_ = toml::parse(read_file(path));
    } catch (const toml::parse_error& error) {
      fail_input("{}, line {}: {}", path_.string(), error.source().begin.line, error.description());
    }
    check_keys(root_, "", {"name", "grid", "find", "train", "quick"});
    if (const toml::table* replaced = root_["quick"].as_table()) {
      check_keys(*replaced, "quick.", {"grid", "find", "train"});
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

  Words options(const std::string& stage) const {
    std::map<std::string, std::string> chosen;
    for (const toml::table* table : tables(stage)) {
      for (const auto& [key, node] : *table) {
        const std::vector<std::string> only = values(std::string(key.str()), node);
        if (only.size() != 1) {
          fail(fmt::format("[{}] '{}' must be one value", stage, key.str()));
        }
        chosen[std::string(key.str())] = only.front();
      }
    }
    Words words;
    for (const auto& [key, value] : chosen) {
      words.insert(words.end(), {"--" + key, value});
    }
    return words;
  }

  [[noreturn]] void fail(const std::string& what) const { fail_input("{}: {}", path_.string(), what); }

 private:
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

/// Unrolls a grid into jobs, each once.
class Unroller {
 public:
  Unroller(const PlanReader& reader, ExperimentPlan& plan)
      : reader_(reader), plan_(plan), find_(reader.options("find")), train_(reader.options("train")) {}

  void unroll(const Grid& grid) {
    for (const std::string& data : grid.at("data")) {
      for (const std::string& model : grid.at("model")) {
        for (const std::string& seed : grid.at("seed")) {
          for (const std::string& method : grid.at("method")) {
            for (const std::string& density : grid.at("density")) {
              for (const std::string& scope : grid.at("scope")) {
                add_point(grid, data, model, method, density, scope, seed);
              }
            }
          }
        }
      }
    }
  }

 private:
  void add_point(const Grid& grid, const std::string& data, const std::string& model, const std::string& method,
                 std::string density, std::string scope, const std::string& seed) {
    if (method == kDense) {
      density = "1";
      scope = "layer";
    }
    Job found = job_of("find", data, model, method, density, scope, seed);
    found.arguments = {"prune",     "--method", method,    "--data", data,     "--model", model,
                       "--density", density,    "--scope", scope,    "--seed", seed};
    append_known(found.arguments, method);
    add(found);
    for (const std::string& ablation : grid.at("ablation")) {
      Job start = found;
      if (ablation != kNoAblation && method == kDense) {
        continue;
      }
      if (ablation != kNoAblation) {
        start.name = replace_stage(found.name, "ablate") + "-" + ablation;
        start.stage = "ablate";
        start.method = method + ", " + ablation;
        start.needs = found.name;
        start.arguments = {"ablate", "--what", ablation, "--seed", seed, "--init"};
        add(start);
      }
      const auto& elsewhere = grid.at("train-data");
      for (const std::string& train_data : elsewhere.empty() ? std::vector<std::string>{data} : elsewhere) {
        Job trained = start;
        trained.name = replace_stage(start.name, "train") + (train_data == data ? "" : "-on-" + train_data);
        trained.stage = "train";
        trained.data = train_data;
        trained.needs = start.name;
        trained.arguments = {"train", "--data", train_data, "--seed", seed};
        trained.arguments.insert(trained.arguments.end(), train_.begin(), train_.end());
        trained.arguments.emplace_back("--init");
        add(trained);
      }
    }
  }

  /// The options of [find] that this method takes.
  void append_known(Words& words, const std::string& method) const {
    const bool transfers = method == "ntt-exact" || method == "ntt-sketch" || method == "logit-mimicry";
    static const std::set<std::string> of_transfer{"--epochs", "--steps", "--probes", "--held-out"};
    static const std::set<std::string> iterative{"synflow", "ntk-sap"};
    for (std::size_t i = 0; i < find_.size(); i += 2) {
      const bool fits =
          of_transfer.contains(find_[i]) ? transfers : find_[i] != "--rounds" || iterative.contains(method);
      if (fits) {
        words.insert(words.end(), {find_[i], find_[i + 1]});
      }
    }
  }

  static std::string replace_stage(const std::string& name, const std::string& stage) {
    return stage + name.substr(name.find('/'));
  }

  Job job_of(const std::string& stage, const std::string& data, const std::string& model, const std::string& method,
             const std::string& density, const std::string& scope, const std::string& seed) const {
    Job job;
    const std::string short_model = std::filesystem::path(model).stem().string();
    const std::string short_data = std::filesystem::path(data).filename().string();
    job.name = fmt::format("{}/{}-{}-{}-{}-{}-{}", stage, short_data, short_model, method, density, scope, seed);
    job.stage = stage;
    job.data = data;
    job.model = short_model;
    job.method = method;
    job.scope = scope;
    try {
      job.density = std::stod(density);
      job.seed = std::stoll(seed);
    } catch (const std::exception&) {
      reader_.fail(fmt::format("density {} and seed {} must be numbers", density, seed));
    }
    return job;
  }

  void add(const Job& job) {
    if (names_.insert(job.name).second) {
      plan_.jobs.push_back(job);
    }
  }

  const PlanReader& reader_;
  ExperimentPlan& plan_;
  Words find_;
  Words train_;
  std::set<std::string> names_;
};

}  // namespace

ExperimentPlan read_plan(const std::filesystem::path& path, bool quick) {
  const PlanReader reader(path, quick);
  ExperimentPlan plan{reader.name() + (quick ? "-quick" : ""), {}};
  Unroller(reader, plan).unroll(reader.grid());
  return plan;
}

}  // namespace ntt
