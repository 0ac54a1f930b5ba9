#include "ntt/experiment/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cctype>
#include <cstring>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/io/read_file.h"
#include "ntt/prune/method.h"
#include "ntt/transfer/method_names.h"

namespace ntt {
namespace {

constexpr const char* kDense = "dense";
constexpr const char* kNoAblation = "none";
constexpr const char* kInvert = "invert";

/// The options that take a list.
const std::set<std::string> kLists{"augment", "classes", "keep", "milestones"};

using Words = std::vector<std::string>;
/// Options of a stage: {"epochs": "20"}.
using Options = std::map<std::string, std::string>;
using Grid = std::map<std::string, std::vector<std::string>>;

const std::map<std::string, std::vector<std::string>> kDefaults = {
    {"data", {}},    {"train-data", {}},   {"model", {"lenet-300-100"}}, {"method", {}},
    {"density", {}}, {"scope", {"layer"}}, {"ablation", {kNoAblation}},  {"seed", {"1"}}};

/// Options that replace others, under a name of their own.
struct Variant {
  std::string name;
  Options find;
  Options train;
};

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

/// Unrolls a grid into jobs, each once.
class Unroller {
 public:
  Unroller(const PlanReader& reader, ExperimentPlan& plan)
      : reader_(reader),
        plan_(plan),
        find_(reader.options("find")),
        train_(reader.options("train")),
        variants_(reader.variants()) {
    if (variants_.empty()) {
      variants_.emplace_back();
    }
  }

  void unroll(const Grid& grid) {
    for (const std::string& data : grid.at("data")) {
      for (const std::string& model : grid.at("model")) {
        for (const std::string& seed : grid.at("seed")) {
          for (const std::string& method : grid.at("method")) {
            for (const std::string& density : grid.at("density")) {
              for (const std::string& scope : grid.at("scope")) {
                for (const Variant& variant : variants_) {
                  add_point(grid, data, model, method, density, scope, seed, variant);
                }
              }
            }
          }
        }
      }
    }
  }

 private:
  void add_point(const Grid& grid, const std::string& data, const std::string& model, const std::string& method,
                 std::string density, std::string scope, const std::string& seed, const Variant& variant) {
    if (method == kDense) {
      density = "1";
      scope = "layer";
    }
    Job found = job_of("find", data, model, method, density, scope, seed);
    found.arguments = {"prune",     "--method", method,    "--data", data,     "--model", model,
                       "--density", density,    "--scope", scope,    "--seed", seed};
    const Options changed = taken_by(method, variant.find);
    append(found.arguments, merged(taken_by(method, find_), changed));
    if (!changed.empty()) {
      name_variant(found, variant);
    }
    add(found);
    for (const std::string& ablation : grid.at("ablation")) {
      const bool has_scores = method != kDense && !is_transfer_method(method);
      if (ablation == kNoAblation || (method != kDense && (has_scores || ablation != kInvert))) {
        const Job start = ablation == kNoAblation ? found : add_ablation(found, ablation, seed);
        add_trainings(grid, start, data, seed, variant, changed.empty());
      }
    }
  }

  Job add_ablation(const Job& found, const std::string& ablation, const std::string& seed) {
    Job job = found;
    job.name = replace_stage(found.name, "ablate") + "-" + ablation;
    job.stage = "ablate";
    job.method += ", " + ablation;
    job.needs = found.name;
    job.arguments = {"ablate", "--what", ablation, "--seed", seed, "--init"};
    add(job);
    return job;
  }

  void add_trainings(const Grid& grid, const Job& start, const std::string& data, const std::string& seed,
                     const Variant& variant, bool unnamed) {
    const auto& elsewhere = grid.at("train-data");
    for (const std::string& train_data : elsewhere.empty() ? std::vector<std::string>{data} : elsewhere) {
      Job trained = start;
      trained.name = replace_stage(start.name, "train");
      if (unnamed && !variant.train.empty()) {
        name_variant(trained, variant);
      }
      trained.name += train_data == data ? "" : "-on-" + train_data;
      trained.stage = "train";
      trained.data = train_data;
      trained.needs = start.name;
      trained.arguments = {"train", "--data", train_data, "--seed", seed};
      append(trained.arguments, merged(train_, variant.train));
      trained.arguments.emplace_back("--init");
      add(trained);
    }
  }

  static void name_variant(Job& job, const Variant& variant) {
    job.name += "-" + variant.name;
    job.method += ", " + variant.name;
  }

  static Options merged(Options options, const Options& replacing) {
    for (const auto& [name, value] : replacing) {
      options[name] = value;
    }
    return options;
  }

  static void append(Words& words, const Options& options) {
    for (const auto& [name, value] : options) {
      words.insert(words.end(), {"--" + name, value});
    }
  }

  static bool takes(const std::string& method, const std::string& option) {
    static const std::set<std::string> kOfTransfer{
        "epochs",           "steps",         "held-out",   "pairs",        "parameters",   "learning-rate",
        "density-schedule", "mask-interval", "batch-size", "weight-decay", "initial-mask", "evaluate-interval",
        "batch-norm"};
    if (option == "probes") {
      return method == kNttSketch;
    }
    if (option == "kernel-weight") {
      return method == kNttExact || method == kNttSketch;
    }
    if (option == "rounds") {
      return !is_transfer_method(method) && find_prune_method(method).rounds > 1;
    }
    return is_transfer_method(method) || !kOfTransfer.contains(option);
  }

  /// Those of the options that the method takes.
  static Options taken_by(const std::string& method, const Options& options) {
    Options taken;
    std::ranges::copy_if(options, std::inserter(taken, taken.end()),
                         [&](const auto& option) { return takes(method, option.first); });
    return taken;
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
    const auto [known, is_new] = arguments_.emplace(job.name, job.arguments);
    if (is_new) {
      plan_.jobs.push_back(job);
    } else if (known->second != job.arguments) {
      reader_.fail(fmt::format("two jobs would be named {}; give the variant another name", job.name));
    }
  }

  const PlanReader& reader_;
  ExperimentPlan& plan_;
  Options find_;
  Options train_;
  std::vector<Variant> variants_;
  std::map<std::string, Words> arguments_;  ///< of every job so far
};

}  // namespace

ExperimentPlan read_plan(const std::filesystem::path& path, bool quick) {
  const PlanReader reader(path, quick);
  ExperimentPlan plan{reader.name() + (quick ? "-quick" : ""), {}};
  Unroller(reader, plan).unroll(reader.grid());
  return plan;
}

}  // namespace ntt
