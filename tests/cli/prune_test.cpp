#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PruneCommandTest : public CliTest {
 protected:
  static Words prune(const std::string& method, const std::string& out, const Words& more = {}) {
    return with({"prune", "--method", method, "--model", "small.toml", "--data", "small", "--density", "0.5",
                 "--samples", "64", "--threads", "1", "--out", out},
                more);
  }
};

TEST_F(PruneCommandTest, WritesWhatTransferWrites) {
  const nlohmann::json result = run_json(prune("snip", "snip"));
  EXPECT_EQ(result.at("reads"), "inputs and labels");
  EXPECT_EQ(result.at("layers").size(), 2U);
  EXPECT_EQ(result.at("layers")[0].at("kept"), 96);
  EXPECT_EQ(files_in("snip"),
            (std::set<std::string>{"config.toml", "network.safetensors", "result.json", "teacher.safetensors"}));
  const nlohmann::json trained = run_json(train("trained", {"--init", "snip"}));
  EXPECT_EQ(trained.at("method"), "snip");
  const nlohmann::json& cost = result.at("cost");
  EXPECT_EQ(cost.at("total").at("parameters"), 16 * 12 + 12 + 12 * 2 + 2);
  EXPECT_EQ(cost.at("total").at("kept"), 96 + 12);
  EXPECT_EQ(cost.at("layers")[1].at("dense_multiply_adds"), 12 * 2);
  EXPECT_EQ(cost.at("layers")[1].at("sparse_multiply_adds"), 12);
  EXPECT_EQ(cost.at("total").at("dense_bytes"), 4 * (16 * 12 + 12 + 12 * 2 + 2));
  EXPECT_EQ(trained.at("cost"), cost);
  EXPECT_THAT(run_well(prune("synflow", "synflow")).out, HasSubstr("synflow, which reads no data"));
}

TEST_F(PruneCommandTest, ListsWhatEachMethodReads) {
  const std::string help = run_well({"prune", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("  force           inputs and labels (60)  |w dL/d(m w)|"));
  EXPECT_THAT(help, HasSubstr("  phew            no data                 met early by random walks"));
  EXPECT_THAT(help, HasSubstr("  ntt-sketch      inputs                  fits "));
  EXPECT_EQ(run_json(prune("force", "force", {"--rounds", "3"})).at("inputs_read"), 192);
}

TEST_F(PruneCommandTest, RewindsATrainedNetwork) {
  const Words dense{"--method", "dense", "--model", "small.toml", "--steps", "30"};
  const Outcome refused = run({"rewind", "--init", "nothing", "--out", "late"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("rewind.safetensors is not there"));
  const nlohmann::json trained = run_json(train("dense", with(dense, {"--rewind-step", "0"})));
  const nlohmann::json late =
      run_json({"rewind", "--init", "dense", "--density", "0.25", "--scope", "layer", "--out", "late"});
  EXPECT_EQ(late.at("method"), "late-magnitude");
  EXPECT_EQ(late.at("reads"), "inputs and labels");
  EXPECT_EQ(late.at("inputs_read"), 30 * trained.at("options").at("batch-size").get<int>());
  EXPECT_EQ(late.at("layers")[0].at("kept"), 48);
  EXPECT_EQ(files_in("late"),
            (std::set<std::string>{"config.toml", "network.safetensors", "result.json", "teacher.safetensors"}));
  const at::Tensor before = read_safetensors(folder_ / "dense" / kRewindFile).at("fc1.weight");
  const at::Tensor after = read_safetensors(folder_ / "dense" / kNetworkFile).at("fc1.weight");
  const TensorFile found = read_safetensors(folder_ / "late" / kNetworkFile);
  const at::Tensor mask = found.at("fc1.weight_mask").to(at::kFloat);
  EXPECT_TRUE(at::equal(found.at("fc1.weight"), before * mask));
  EXPECT_GT(after.abs().masked_select(mask.ne(0)).min().item<float>(),
            after.abs().masked_select(mask.eq(0)).max().item<float>());
  EXPECT_EQ(run_json(train("again", {"--init", "late", "--steps", "5"})).at("method"), "late-magnitude");
}

TEST_F(PruneCommandTest, TheTransfersAreMethodsToo) {
  const Words steps{"--steps", "20", "--held-out", "0.1"};
  run_well(prune("ntt-exact", "exact", steps));
  run_well(prune("logit-mimicry", "mimicry", steps));
  run_well(transfer("same", {"--kernel", "exact", "--steps", "20", "--batch-size", "64"}));
  const auto weight = [&](const std::string& run) {
    return read_safetensors(folder_ / run / kNetworkFile).at("fc1.weight");
  };
  EXPECT_TRUE(at::equal(weight("exact"), weight("same")));
  EXPECT_FALSE(at::equal(weight("exact"), weight("mimicry")));
  EXPECT_THAT(files_in("exact"), ::testing::Contains("metrics.jsonl"));
}

TEST_F(PruneCommandTest, TransfersTakeTheirOptions) {
  const Words options{"--steps",
                      "20",
                      "--held-out",
                      "0.1",
                      "--density-schedule",
                      "cubic",
                      "--pairs",
                      "all",
                      "--probes",
                      "2",
                      "--parameters",
                      "active",
                      "--mask-interval",
                      "5",
                      "--learning-rate",
                      "0.01",
                      "--kernel-weight",
                      "0.1",
                      "--batch-size",
                      "16",
                      "--weight-decay",
                      "0.001",
                      "--initial-mask",
                      "logit-snip",
                      "--evaluate-interval",
                      "5"};
  const nlohmann::json pruned = run_json(prune("ntt-sketch", "pruned", options));
  run_well(transfer("same", with(options, {"--kernel", "sketch"})));
  for (const char* tensor : {"fc1.weight", "fc2.weight", "fc1.weight_mask"}) {
    EXPECT_TRUE(at::equal(read_safetensors(folder_ / "pruned" / kNetworkFile).at(tensor),
                          read_safetensors(folder_ / "same" / kNetworkFile).at(tensor)));
  }
  EXPECT_EQ(pruned.at("options").at("weight-decay"), 0.001);
  const nlohmann::json mimicry = run_json(prune("logit-mimicry", "mimicry", {"--steps", "5", "--held-out", "0.1"}));
  EXPECT_EQ(mimicry.at("options").at("weight-decay"), 1e-4) << "the published one";
}

TEST_F(PruneCommandTest, ALayerOfWhichNothingIsLeftIsReported) {
  const Outcome outcome = run_well(prune("magnitude", "run", {"--density", "0.001", "--scope", "global"}));
  EXPECT_THAT(outcome.err, HasSubstr("nothing is left of fc"));
  EXPECT_THAT(outcome.out, HasSubstr(": empty"));
  EXPECT_FALSE(result_of("run").at("empty_layers").empty());
}

TEST_F(PruneCommandTest, OptionsOfOtherMethodsAreRefused) {
  const std::vector<Outcome> outcomes =
      run_all({prune("snip", "a", {"--steps", "5"}), prune("snip", "b", {"--rounds", "5"}), prune("snap", "c"),
               prune("random", "d", {"--pairs", "all"}), prune("logit-mimicry", "e", {"--kernel-weight", "1"})});
  EXPECT_THAT(outcomes[0].err, HasSubstr("a number of steps is the length of ntt-exact, ntt-sketch and logit-mimicry"));
  EXPECT_THAT(outcomes[1].err, HasSubstr("a number of rounds is for methods that score more than once; snip does not"));
  EXPECT_THAT(outcomes[2].err, HasSubstr("snap"));
  EXPECT_THAT(outcomes[3].err,
              HasSubstr("the choice of pairs is an option of ntt-exact, ntt-sketch and logit-mimicry; random"));
  EXPECT_THAT(outcomes[4].err, HasSubstr("a kernel weight has no place"));
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 2);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a"));
}

TEST_F(PruneCommandTest, DefaultsSpeltOutAreNotRefused) {
  run_well(prune("snip", "snip"));
  run_well({"prune", "--config", "snip/config.toml", "--out", "again"});
  EXPECT_TRUE(network_of("again") == network_of("snip"));
}

TEST_F(PruneCommandTest, AblationsKeepTheDensityAndSayWhatTheyAreOf) {
  run_well(prune("snip", "snip"));
  std::set<std::string> networks{network_of("snip")};
  for (const std::string what : {"shuffle", "shuffle-with-weights", "reinitialise", "invert"}) {
    run_well({"ablate", "--init", "snip", "--what", what, "--out", what});
    EXPECT_EQ(result_of(what).at("method"), "snip, " + what);
    EXPECT_EQ(result_of(what).at("density"), result_of("snip").at("density"));
    EXPECT_THAT(network_of(what), HasSubstr("ablate --what " + what + " --seed 0, of: ntt"));
    EXPECT_TRUE(networks.insert(network_of(what)).second) << what << " changes nothing";
  }
}

TEST_F(PruneCommandTest, AblationsThatCannotBeAreRefused) {
  run_well(train("trained", dense()));
  run_well(transfer("ntt"));
  const std::vector<Outcome> outcomes = run_all({{"ablate", "--init", "trained", "--what", "shuffle", "--out", "a"},
                                                 {"ablate", "--init", "ntt", "--what", "invert", "--out", "b"},
                                                 {"ablate", "--init", "none", "--what", "shuffle", "--out", "c"}});
  EXPECT_THAT(outcomes[0].err, HasSubstr("trained has no teacher.safetensors"));
  EXPECT_THAT(outcomes[1].err, HasSubstr("only the scores of a pruning method can be inverted"));
  EXPECT_THAT(outcomes[2].err, HasSubstr("none has no teacher.safetensors"));
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 2);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b"));
}

TEST_F(PruneCommandTest, InspectCountsWhatIsLeft) {
  run_well(prune("snip", "snip"));
  const nlohmann::json record = run_json({"inspect", "snip"});
  EXPECT_EQ(record.at("total").at("weights"), 16 * 12 + 12 * 2);
  EXPECT_EQ(record.at("total").at("kept"), 108);
  EXPECT_EQ(record.at("layers")[0].at("sparse_multiply_adds"), 96);
  const std::string table = run_well({"inspect", "snip"}).out;
  EXPECT_THAT(table, HasSubstr("fc1"));
  EXPECT_THAT(table, HasSubstr("prune --method snip"));
  EXPECT_THAT(table, Not(HasSubstr("out_features"))) << "the architecture is not for a table";
}

}  // namespace
}  // namespace ntt
