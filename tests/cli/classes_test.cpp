#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

/// `three/` has three classes, of which the network of small.toml can tell two.
class ClassesTest : public CliTest {
 protected:
  ClassesTest() {
    std::filesystem::create_directories(folder_ / "three");
    for (const auto& [part, count] : {std::pair("train", 300), std::pair("test", 90)}) {
      RandomStream stream(5, part);
      const at::Tensor labels = at::arange(count, at::kLong).remainder(3);
      const at::Tensor images =
          random_normal(stream, {count, 4, 4}, 30.0, at::kFloat) + 80 + 40 * labels.view({-1, 1, 1});
      write_npy(folder_ / "three" / fmt::format("{}-images.npy", part), images.clamp(0, 255).to(at::kByte));
      write_npy(folder_ / "three" / fmt::format("{}-labels.npy", part), labels);
    }
  }

  static Words of(const Words& words, const std::string& classes = "0,2") {
    return with(words, {"--data", "three", "--classes", classes});
  }
};

TEST_F(ClassesTest, ANetworkIsFoundTrainedAndEvaluatedOnThemAlone) {
  run_well(of(transfer("found")));
  const nlohmann::json trained =
      run_json(of(train("run", {"--init", "found", "--learning-rate", "0.02", "--steps", "100"})));
  EXPECT_EQ(trained.at("data"), "three[0,2]");
  EXPECT_EQ(trained.at("options").at("classes"), nlohmann::json::array({0, 2}));
  const nlohmann::json evaluated = run_json(of({"evaluate", "--network", "run"}));
  EXPECT_EQ(evaluated.at("test_accuracy"), trained.at("figures").at("test_accuracy"));
  EXPECT_GT(evaluated.at("test_accuracy"), 0.9);
  run_well(of({"kernel", "--network", "run", "--samples", "5", "--out", "K.npy"}));
  EXPECT_EQ(read_npy(folder_ / "K.npy").sizes(), at::IntArrayRef({5, 5, 2, 2}));
  const Outcome all = run({"evaluate", "--network", "run", "--data", "three"});
  EXPECT_EQ(all.code, 2);
  EXPECT_THAT(all.err, HasSubstr("2 outputs, but three has inputs of 1x4x4 and 3 classes"));
}

TEST_F(ClassesTest, TheyComeBackFromConfigAndForInvertedScores) {
  const Words snip = {"prune", "--method", "snip", "--model", "small.toml", "--density", "0.5", "--out", "snip"};
  run_well(of(snip, "2,0"));
  run_well({"prune", "--config", "snip/config.toml", "--out", "again"});
  EXPECT_TRUE(network_of("again") == network_of("snip"));
  run_well({"ablate", "--init", "snip", "--what", "invert", "--out", "inverted"});
  run_well(of(with(snip, {"--out", "other"}), "0,1"));
  const auto mask = [&](const std::string& run) {
    return read_safetensors(folder_ / run / kNetworkFile).at("fc2.weight_mask");
  };
  EXPECT_FALSE(at::equal(mask("other"), mask("snip")));
  EXPECT_TRUE(at::equal(mask("inverted") + mask("snip"), at::ones_like(mask("snip")))) << "half of each";
}

TEST_F(ClassesTest, WhatIsNoChoiceIsRefused) {
  const std::vector<Outcome> outcomes =
      run_all({of(train("a", dense()), "0,3"), of(train("b", dense()), "1"), of(train("c", dense()), "1,1")});
  EXPECT_THAT(outcomes[0].err, HasSubstr("class 3 is chosen, but the classes of three are 0 to 2"));
  EXPECT_THAT(outcomes[1].err, HasSubstr("give at least two"));
  EXPECT_THAT(outcomes[2].err, HasSubstr("class 1 is chosen twice"));
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 2);
  }
}

}  // namespace
}  // namespace ntt
