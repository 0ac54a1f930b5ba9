#include <csignal>
#include <thread>

#include "ntt/io/safetensors.h"
#include "ntt/prune/method.h"
#include "tests/cli/cli_test.h"
#include "tests/cli/graphs.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

/// Every command on networks with batch norm, groups, concatenation, attention and tied weights.
class GraphTest : public CliTest, public testing::WithParamInterface<GraphFile> {
 protected:
  GraphTest() { write(folder_ / model(), GetParam().text); }

  static std::string model() { return GetParam().name + ".toml"; }
  static Words prune(const std::string& method, const std::string& out) {
    return {"prune", "--method",  method, "--model",   model(), "--data", "small", "--density",
            "0.4",   "--samples", "64",   "--threads", "1",     "--out",  out};
  }
  static Words evaluate(const std::string& network) {
    return {"evaluate", "--network", network, "--data", "small", "--threads", "1"};
  }
  TensorFile file(const std::string& run) const { return read_safetensors(folder_ / run / kNetworkFile); }

  void expect_same_scores(const nlohmann::json& actual, const nlohmann::json& expected, double rounding) const {
    EXPECT_EQ(actual.at("test_accuracy"), expected.at("test_accuracy"));
    EXPECT_NEAR(actual.at("test_loss").get<double>(), expected.at("test_loss").get<double>(), rounding);
  }

  /// The step of the run's checkpoint; 0 without one.
  std::int64_t checkpoint_step(const std::string& run) const {
    const std::filesystem::path path = folder_ / run / kCheckpointFile;
    return std::filesystem::exists(path) ? read_safetensors(path).at("adam.steps").item<std::int64_t>() : 0;
  }
  /// Runs `words`, whose folder is `run`, in two parts.
  void run_in_parts(const Words& words, const std::string& run) const {
    Program program(folder_, with(words, {"--checkpoint-seconds", "0", "--out", run}));
    while (program.running() && checkpoint_step(run) < 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    program.send(SIGINT);
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    run_well({words.front(), "--config", run + "/config.toml", "--resume", "--checkpoint-seconds", "10"});
  }
};

INSTANTIATE_TEST_SUITE_P(Networks, GraphTest, testing::ValuesIn(graph_files()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(GraphTest, EveryMethodFindsASparseNetwork) {
  Words methods{"ntt-exact", "ntt-sketch", "logit-mimicry"};
  for (const PruneMethod& method : prune_methods()) {
    methods.push_back(method.name);
  }
  std::vector<Words> commands;
  for (const std::string& method : methods) {
    const bool transfers = method.starts_with("ntt-") && method != "ntk-sap";
    const Words steps{"--steps", "20", "--batch-size", "16", "--mask-interval", "5", "--held-out", "0.1"};
    commands.push_back(with(prune(method, method), transfers || method == "logit-mimicry" ? steps : Words()));
  }
  const std::vector<Outcome> outcomes = run_all(commands);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (GetParam().name == "attention" && (methods[i] == "px" || methods[i] == "phew")) {
      EXPECT_EQ(outcomes[i].code, 2) << "attention has no paths of weights";
      EXPECT_THAT(outcomes[i].err, HasSubstr("take another method"));
      continue;
    }
    ASSERT_EQ(outcomes[i].code, 0) << methods[i] << ": " << outcomes[i].err;
    EXPECT_THAT(outcomes[i].err, ::testing::Not(HasSubstr("nothing is left"))) << methods[i];
    const double density = result_of(methods[i]).at("density").get<double>();
    EXPECT_NEAR(density, methods[i] == "dense" ? 1 : 0.4, 0.02) << methods[i];
  }
}

TEST_P(GraphTest, IsTrainedAndEvaluatedAsItWasTrained) {
  run_well(prune("snip", "found"));
  for (const std::string select : {"last", "best-validation"}) {
    const Words words = train(select, {"--init", "found", "--select", select, "--learning-rate", "0.01", "--steps",
                                       "60", "--execution", "dense", "--threads", "1"});
    const nlohmann::json trained = run_json(words);
    expect_same_scores(run_json(evaluate(select)), trained.at("figures"), 1e-6);
    EXPECT_EQ(trained.at("density"), result_of("found").at("density"));
  }
  const TensorFile before = file("found");
  std::size_t statistics = 0;
  for (const auto& [name, tensor] : file("last").tensors) {
    EXPECT_EQ(at::equal(tensor, before.at(name)), name.ends_with("_mask")) << name;
    statistics += name.ends_with("running_mean") || name.ends_with("running_var") ? 1 : 0;
  }
  EXPECT_EQ(statistics > 0, GetParam().has_batch_norm);
}

TEST_P(GraphTest, ResumedRunsEndInTheSameNetwork) {
  const Words steps{"--steps", "1500", "--evaluate-interval", "100", "--checkpoint-seconds", "10"};
  const Words found = with(transfer("transfer", {"--model", model(), "--kernel", "sketch"}), steps);
  run_well(found);
  run_in_parts(found, "parts");
  EXPECT_TRUE(network_of("parts") == network_of("transfer"));
  const Words trained =
      with(train("train", {"--init", "transfer", "--select", "best-validation", "--threads", "1"}), steps);
  run_well(trained);
  run_in_parts(trained, "train-parts");
  EXPECT_TRUE(network_of("train-parts") == network_of("train"));
}

TEST_P(GraphTest, IsAnsweredExportedAndLookedAt) {
  run_well(prune("magnitude", "found"));
  run_well(train("run", {"--init", "found", "--threads", "1"}));
  const nlohmann::json expected = run_json(evaluate("run"));
  EXPECT_EQ(run_json({"run", "--network", "run", "--data", "small"}).at("test_accuracy"), expected.at("test_accuracy"));

  for (const std::string kind : {"safetensors", "npz", "csr", "onnx"}) {
    run_well({"export", "--network", "run", "--to", kind, "--out", "network." + kind});
  }
  expect_same_scores(run_json(evaluate("network.safetensors")), expected, 0);
  run_well(with(prune("dense", "again"), {"--model", "network.onnx", "--weights", "given"}));
  expect_same_scores(run_json(evaluate("again")), expected, 1e-5);

  const nlohmann::json inspected = run_json({"inspect", "run"});
  EXPECT_EQ(inspected.at("density"), expected.at("density"));
  EXPECT_EQ(inspected.at("layers").size(), expected.at("layers").size());

  const nlohmann::json kernel = run_json({"kernel", "--network", "run", "--against", "network.safetensors", "--data",
                                          "small", "--samples", "6", "--block", "4", "--out", "K.npy"});
  EXPECT_EQ(kernel.at("kernel_distance"), 0);
  const at::Tensor values = read_npy(folder_ / "K.npy");
  EXPECT_EQ(values.sizes(), at::IntArrayRef({6, 6, 2, 2}));
  EXPECT_TRUE(at::allclose(values, values.permute({1, 0, 3, 2}), 1e-4, 1e-5));
}

TEST_P(GraphTest, IsAblated) {
  run_well(prune("snip", "found"));
  std::set<std::string> networks{network_of("found")};
  for (const std::string what : {"shuffle", "shuffle-with-weights", "reinitialise", "invert"}) {
    run_well({"ablate", "--init", "found", "--what", what, "--out", what});
    EXPECT_NEAR(result_of(what).at("density").get<double>(), result_of("found").at("density").get<double>(), 1e-12);
    EXPECT_TRUE(networks.insert(network_of(what)).second) << what << " changes nothing";
  }
}

}  // namespace
}  // namespace ntt
