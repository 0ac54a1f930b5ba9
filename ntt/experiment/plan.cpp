#include "ntt/experiment/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "ntt/experiment/plan_reader.h"
#include "ntt/prune/method.h"
#include "ntt/transfer/method_names.h"

namespace ntt {
namespace {

constexpr const char* kDense = "dense";
constexpr const char* kLateMagnitude = "late-magnitude";
constexpr const char* kNoAblation = "none";
constexpr const char* kInvert = "invert";

using Words = std::vector<std::string>;

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
    if (method == kLateMagnitude) {
      add_late_magnitude(grid, data, model, density, scope, seed, variant);
      return;
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

  /// The dense network is trained, if it is not already, then pruned and trained again from its earlier weights.
  void add_late_magnitude(const Grid& grid, const std::string& data, const std::string& model,
                          const std::string& density, const std::string& scope, const std::string& seed,
                          const Variant& variant) {
    if (!train_.contains("rewind-step") && !variant.train.contains("rewind-step")) {
      reader_.fail("late-magnitude needs 'rewind-step' in [train]: the step to whose weights the network returns");
    }
    if (!grid.at("train-data").empty()) {
      reader_.fail("late-magnitude prunes what was trained on the same data; leave 'train-data' out");
    }
    add_point(grid, data, model, kDense, density, scope, seed, variant);
    Job found = job_of("find", data, model, kLateMagnitude, density, scope, seed);
    found.needs = replace_stage(job_of("find", data, model, kDense, "1", "layer", seed).name, "train");
    if (!variant.train.empty() || !taken_by(kDense, variant.find).empty()) {
      found.needs += "-" + variant.name;
      name_variant(found, variant);
    }
    found.arguments = {"rewind", "--density", density, "--scope", scope};
    const auto keep = find_.find("keep");
    append(found.arguments, keep == find_.end() ? Options() : Options{*keep});
    found.arguments.emplace_back("--init");
    add(found);
    add_trainings(grid, found, data, seed, variant, variant.train.empty());
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
