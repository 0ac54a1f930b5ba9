#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Which dense network a sparse one is made of: --weights, --initialisation, --keep and --scope. `deep.toml` has three
/// layers with weights, called stem, fc1 and head.
class ModelTest : public CliTest {
 protected:
  ModelTest() {
    write(folder_ / "deep.toml",
          "name = 'deep'\ninput = [1, 4, 4]\n"
          "[[layer]]\ntype = 'conv2d'\nname = 'stem'\nout_channels = 6\nkernel = 3\npadding = 1\n"
          "[[layer]]\ntype = 'relu'\n[[layer]]\ntype = 'flatten'\n"
          "[[layer]]\ntype = 'linear'\nout_features = 20\n[[layer]]\ntype = 'relu'\n"
          "[[layer]]\ntype = 'linear'\nname = 'head'\nout_features = 2\n");
  }

  static Words prune(const std::string& out, const Words& more = {}) {
    return with({"prune", "--method", "random", "--model", "deep.toml", "--data", "small", "--density", "0.2",
                 "--threads", "1", "--out", out},
                more);
  }
  TensorFile file(const std::string& run, std::string_view name = kNetworkFile) const {
    return read_safetensors(folder_ / run / name);
  }
  /// Kept weights of stem, fc1 and head.
  std::vector<std::int64_t> kept(const std::string& run) const {
    const TensorFile network = file(run);
    std::vector<std::int64_t> counts;
    for (const std::string layer : {"stem", "fc1", "head"}) {
      const std::string mask = layer + ".weight_mask";
      counts.push_back(network.contains(mask) ? at::count_nonzero(network.at(mask)).item<std::int64_t>()
                                              : network.at(layer + ".weight").numel());
    }
    return counts;
  }
  void export_model(const std::string& run, const std::string& out) const {
    run_well({"export", "--network", run, "--to", "onnx", "--out", out});
  }

  static constexpr std::int64_t kStem = 6 * 9;
  static constexpr std::int64_t kMiddle = 20 * 96;
  static constexpr std::int64_t kHead = 2 * 20;
};

TEST_F(ModelTest, KeepLeavesLayersOutByPlaceAndByName) {
  run_well(prune("none"));
  run_well(prune("ends", {"--keep", "first,last"}));
  run_well(prune("names", {"--keep", "head,stem"}));
  run_well(prune("middle", {"--keep", "fc1"}));
  EXPECT_THAT(kept("none"), ElementsAre(11, kMiddle / 5, kHead / 5));
  EXPECT_THAT(kept("ends"), ElementsAre(kStem, kMiddle / 5, kHead));
  EXPECT_THAT(kept("middle"), ElementsAre(11, kMiddle, kHead / 5));
  EXPECT_FALSE(file("ends").contains("stem.weight_mask"));
  EXPECT_TRUE(network_of("names").substr(network_of("names").find('}')) ==
              network_of("ends").substr(network_of("ends").find('}')));
  EXPECT_EQ(result_of("ends").at("options").at("keep"), (Words{"first", "last"}));
}

TEST_F(ModelTest, KeepHoldsForEveryWayToASparseNetwork) {
  const Words keep{"--keep", "first", "--model", "deep.toml", "--density", "0.2"};
  run_well(transfer("transfer", keep));
  run_well(train("train", with({"--method", "random"}, keep)));
  run_well(prune("global", with(keep, {"--method", "snip", "--scope", "global"})));
  EXPECT_THAT(kept("transfer"), ElementsAre(kStem, kMiddle / 5, kHead / 5));
  EXPECT_THAT(kept("train"), ElementsAre(kStem, kMiddle / 5, kHead / 5));
  EXPECT_EQ(kept("global")[0], kStem);
  EXPECT_EQ(kept("global")[1] + kept("global")[2], (kMiddle + kHead) / 5);
  run_well({"ablate", "--init", "global", "--what", "invert", "--out", "inverted"});
  EXPECT_EQ(kept("inverted")[0], kStem) << "as the run that it turns round";
  EXPECT_EQ(kept("inverted")[1] + kept("inverted")[2], (kMiddle + kHead) / 5);
}

TEST_F(ModelTest, KeepRefusesWhatIsNoLayerAndAllOfThem) {
  const std::vector<Outcome> outcomes =
      run_all({prune("a", {"--keep", "fc2"}), prune("b", {"--keep", "relu1"}), prune("c", {"--keep", "stem,fc1,head"}),
               train("d", with(dense(), {"--keep", "fc9"}))});
  EXPECT_THAT(outcomes[0].err,
              HasSubstr("there is no layer 'fc2' to keep whole; the layers with weights are stem, fc1, head"));
  EXPECT_THAT(outcomes[1].err, HasSubstr("there is no layer 'relu1' to keep whole"));
  EXPECT_THAT(outcomes[2].err, HasSubstr("every layer is kept whole"));
  EXPECT_THAT(outcomes[3].err, HasSubstr("the layers with weights are fc1, fc2"));
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 2);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a"));
}

TEST_F(ModelTest, ErkGivesSmallLayersMore) {
  run_well(prune("erk", {"--scope", "erk"}));
  // Densities fall with (out + in + 3 + 3) / (out · in · 9) and (out + in) / (out · in): that of the head, 22 / 40,
  // would come to more than 1, so that it stays whole, and the others share out the rest.
  const double rest = 0.2 * (kStem + kMiddle + kHead) - kHead;
  EXPECT_NEAR(static_cast<double>(kept("erk")[0]), rest * 13 / (13 + 116), 1);
  EXPECT_NEAR(static_cast<double>(kept("erk")[1]), rest * 116 / (13 + 116), 1);
  EXPECT_EQ(kept("erk")[2], kHead);
  run_well(prune("few", {"--scope", "erk", "--density", "0.03"}));
  const double factor = 0.03 * (kStem + kMiddle + kHead) / (13 + 116 + 22);
  EXPECT_NEAR(static_cast<double>(kept("few")[0]), 13 * factor, 1);
  EXPECT_NEAR(static_cast<double>(kept("few")[1]), 116 * factor, 1);
  EXPECT_NEAR(static_cast<double>(kept("few")[2]), 22 * factor, 1);
  run_well(transfer("transfer", {"--model", "deep.toml", "--density", "0.03", "--scope", "erk"}));
  EXPECT_EQ(kept("transfer"), kept("few"));
  run_well(train("train", {"--method", "random", "--model", "deep.toml", "--density", "0.03", "--scope", "erk"}));
  EXPECT_EQ(kept("train"), kept("few"));
}

TEST_F(ModelTest, InitialisationsAreDrawnWithTheirDeviations) {
  run_well(prune("glorot"));
  run_well(prune("he", {"--initialisation", "he"}));
  const auto deviation = [&](const std::string& run) {
    return file(run, kTeacherFile).at("fc1.weight").std().item<double>();
  };
  EXPECT_NEAR(deviation("glorot"), std::sqrt(2.0 / (96 + 20)), 0.01);
  EXPECT_NEAR(deviation("he"), std::sqrt(1.0 / (3 * 96)), 0.005);
  EXPECT_EQ(at::count_nonzero(file("he", kTeacherFile).at("fc1.bias")).item<std::int64_t>(), 0);
  run_well({"ablate", "--init", "he", "--what", "reinitialise", "--out", "again"});
  const TensorFile again = file("again");
  const at::Tensor drawn = again.at("fc1.weight").masked_select(again.at("fc1.weight_mask").to(at::kBool));
  EXPECT_NEAR(drawn.std().item<double>(), std::sqrt(1.0 / (3 * 96)), 0.01) << "as it was drawn at first";
  EXPECT_FALSE(at::equal(again.at("fc1.weight"), file("he").at("fc1.weight")));
}

TEST_F(ModelTest, AnOnnxFilesWeightsAreGivenOrDrawnAnew) {
  run_well(train("trained", {"--method", "dense", "--model", "deep.toml"}));
  export_model("trained", "model.onnx");
  const Words given{"--model", "model.onnx", "--weights", "given"};
  run_well(prune("given", given));
  run_well(prune("random", {"--model", "model.onnx"}));
  run_well(prune("toml"));
  run_well(prune("as-given", {"--model", "model.onnx", "--initialisation", "as-given"}));
  run_well(transfer("transferred", given));
  const TensorFile trained = file("trained");
  for (const auto& [name, tensor] : trained.tensors) {
    EXPECT_TRUE(at::equal(file("given", kTeacherFile).at(name), tensor)) << name;
    EXPECT_TRUE(at::equal(file("transferred", kTeacherFile).at(name), tensor)) << name;
    EXPECT_TRUE(at::equal(file("random", kTeacherFile).at(name), file("toml", kTeacherFile).at(name))) << name;
  }
  const at::Tensor wanted = trained.at("fc1.weight");
  const at::Tensor drawn = file("as-given", kTeacherFile).at("fc1.weight");
  EXPECT_NEAR(drawn.std().item<double>(), wanted.std().item<double>(), 0.05 * wanted.std().item<double>());
  EXPECT_FALSE(at::equal(drawn, wanted));
  EXPECT_TRUE(at::equal(file("as-given", kTeacherFile).at("fc1.bias"), trained.at("fc1.bias")));
}

TEST_F(ModelTest, WeightsThatThereAreNotAreRefused) {
  const std::vector<Outcome> outcomes =
      run_all({prune("a", {"--weights", "given"}), prune("b", {"--initialisation", "as-given"}),
               prune("c", {"--model", "lenet-300-100", "--data", "glyphs", "--weights", "given"}),
               prune("d", {"--weights", "mine"})});
  EXPECT_THAT(outcomes[0].err, AllOf(HasSubstr("network 'deep' has no weights of its own"), HasSubstr("or draw them")));
  EXPECT_THAT(outcomes[1].err, HasSubstr("another initialisation than as-given"));
  EXPECT_THAT(outcomes[2].err, HasSubstr("network 'lenet-300-100' has no weights of its own"));
  EXPECT_THAT(outcomes[3].err, HasSubstr("--weights: mine not in {random,given}"));
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 2);
  }
}

TEST_F(ModelTest, TrainingWhatIsThereAlreadyTakesNone) {
  run_well(prune("run"));
  const std::vector<Outcome> outcomes = run_all({train("a", {"--init", "run", "--keep", "first"}),
                                                 train("b", {"--init", "run", "--initialisation", "he"}),
                                                 train("c", {"--init", "run", "--weights", "given"})});
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--weights, --initialisation and --keep are for a network that --method draws"));
  }
}

}  // namespace
}  // namespace ntt
