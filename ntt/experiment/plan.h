#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ntt {

/// One call of the program, with a run folder of its own.
struct Job {
  std::string name;   ///< its folder below the experiment's: "find/mnist-lenet-300-100-snip-0.03-layer-1"
  std::string stage;  ///< find, ablate or train
  std::vector<std::string> arguments;  ///< of `ntt`, without --out
  std::string needs;                   ///< the name of the job whose folder it reads; empty: none

  // What distinguishes it, for tables.
  std::string data;  ///< trained on
  std::string model;
  std::string method;  ///< "snip", "snip, shuffle", "ntt-sketch, cubic"
  double density = 1;
  std::string scope;
  std::int64_t seed = 0;
};

/// What an experiment's TOML file asks for.
struct ExperimentPlan {
  std::string name;
  std::vector<Job> jobs;  ///< each once, whatever shares it, and after those that it needs
};

/// Reads a grid and unrolls it:
///
///     name = "fashion-mlp"
///     [grid]                     # every combination
///     data = ["fashion-mnist"]   # where networks are found
///     train-data = ["mnist"]     # where they are trained; left out: where they were found
///     model = ["lenet-300-100"]
///     method = ["dense", "random", "snip", "ntt-exact"]
///     density = [0.1, 0.03]
///     scope = ["layer"]
///     ablation = ["none", "shuffle"]
///     seed = [1, 2, 3]
///     [find]                     # options of ntt prune
///     epochs = 20
///     [train]                    # options of ntt train
///     epochs = 50
///     [[variant]]                # with these options in the place of those above, under this name
///     name = "cubic"
///     find = { density-schedule = "cubic" }
///     train = { learning-rate = 0.002 }
///     [quick.grid]               # what the quick profile has in the place of these, key by key
///     seed = [1]
///
/// Dense networks are found and trained once a seed, not once a density and scope. With variants, every point of the
/// grid is there once a variant; a method takes no notice of options that are not its own, so that jobs that a variant
/// does not change keep their plain names and are there once. InputError naming file and key.
ExperimentPlan read_plan(const std::filesystem::path& path, bool quick);

}  // namespace ntt
