#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a network's file says of inputs and classes, and the commands that need no data set for it.
class DataFormatTest : public CliTest {
 protected:
  static Words prune(const std::string& out, const Words& more = {}) {
    return with({"prune", "--method", "magnitude", "--model", "small.toml", "--data", "small", "--density", "0.5",
                 "--out", out},
                more);
  }
  nlohmann::json preprocessing(const std::string& file) const {
    const auto metadata = read_safetensors(folder_ / file).metadata;
    return metadata.contains("preprocessing") ? nlohmann::json::parse(metadata.at("preprocessing")) : nlohmann::json();
  }
  /// The test images of a folder with the axis of channels that files without one leave out, and as `dtype`.
  at::Tensor images(const std::string& data, at::ScalarType dtype) const {
    return read_npy(folder_ / data / "test-images.npy").unsqueeze(1).to(dtype);
  }
  at::Tensor outputs(const Words& more) const {
    run_well(with({"run", "--out", "Y.npy"}, more));
    return read_npy(folder_ / "Y.npy");
  }
};

TEST_F(DataFormatTest, EveryCommandThatWritesANetworkSaysIt) {
  run_well(transfer("found"));
  run_well(prune("pruned"));
  run_well({"ablate", "--init", "pruned", "--what", "shuffle", "--out", "ablated"});
  run_well(train("trained", {"--init", "found"}));
  const nlohmann::json expected = preprocessing("found/network.safetensors");
  EXPECT_EQ(expected.at("divide_by"), 255);
  EXPECT_NEAR(expected.at("mean").at(0).get<double>(), 112.5 / 255, 0.02);
  for (const char* file :
       {"found/teacher.safetensors", "pruned/network.safetensors", "pruned/teacher.safetensors",
        "ablated/network.safetensors", "ablated/teacher.safetensors", "trained/network.safetensors"}) {
    EXPECT_EQ(preprocessing(file), expected) << file;
  }
  EXPECT_EQ(run_json({"inspect", "trained"}).at("preprocessing"), expected);
  EXPECT_THAT(run_well({"inspect", "trained"}).out,
              AllOf(HasSubstr("uint8 / 255, mean 0.4"), Not(HasSubstr("divide_by"))));
}

TEST_F(DataFormatTest, RawInputsAreRunWithoutTheDataSet) {
  run_well(train("run", dense()));
  const at::Tensor expected = outputs({"--network", "run", "--data", "small"});
  run_well({"export", "--network", "run", "--to", "onnx", "--out", "run.onnx"});
  write_npy(folder_ / "bytes.npy", images("small", at::kByte));
  write_npy(folder_ / "floats.npy", images("small", at::kDouble) / 255.0);
  std::filesystem::rename(folder_ / "small", folder_ / "elsewhere");
  EXPECT_TRUE(at::equal(outputs({"--network", "run", "--inputs", "bytes.npy"}), expected));
  EXPECT_TRUE(
      at::allclose(outputs({"--network", "run", "--inputs", "floats.npy", "--standardise"}), expected, 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(outputs({"--network", "run", "--inputs", "floats.npy"}), expected, 1e-2, 1e-2));
  EXPECT_TRUE(at::allclose(outputs({"--network", "run.onnx", "--inputs", "bytes.npy"}), expected, 1e-4, 1e-5));
  run_well({"export", "--network", "run", "--to", "safetensors", "--out", "small.safetensors"});
  EXPECT_EQ(preprocessing("small.safetensors"), preprocessing("run/network.safetensors"));
}

TEST_F(DataFormatTest, EvaluationsUseTheNetworksOwn) {
  run_well(train("run", dense()));
  const nlohmann::json own = run_json({"evaluate", "--network", "run", "--data", "small"});
  // The same test images, with training images of another mean.
  std::filesystem::copy(folder_ / "small", folder_ / "darker");
  write_npy(folder_ / "darker" / "train-images.npy", read_npy(folder_ / "small" / "train-images.npy").div(2, "floor"));
  const Outcome outcome = run_well({"evaluate", "--network", "run", "--data", "darker", "--json"});
  const nlohmann::json other = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(other.at("test_loss"), own.at("test_loss"));
  EXPECT_NE(other.at("train_loss"), own.at("train_loss"));
  EXPECT_THAT(outcome.err, HasSubstr("inputs are standardised as the network has it"));
  EXPECT_THAT(run_well({"evaluate", "--network", "run", "--data", "small"}).err,
              Not(HasSubstr("as the network has it")));
  EXPECT_TRUE(
      at::equal(outputs({"--network", "run", "--data", "darker"}), outputs({"--network", "run", "--data", "small"})));
  // Training goes by the data that it is on.
  run_well(train("again", {"--init", "run", "--data", "darker"}));
  EXPECT_NE(preprocessing("again/network.safetensors"), preprocessing("run/network.safetensors"));
}

TEST_F(DataFormatTest, ChosenClassesKeepTheirNamesAndNormalisation) {
  const Words glyphs{"--data", "glyphs", "--model", "lenet-300-100"};
  run_well(prune("all", glyphs));
  run_well(prune("two", with(glyphs, {"--classes", "3,1"})));
  const nlohmann::json all = run_json({"inspect", "all"});
  const nlohmann::json two = run_json({"inspect", "two"});
  EXPECT_EQ(all.at("class_names").size(), 10U);
  EXPECT_THAT(two.at("class_names"), ElementsAre(all.at("class_names")[3], all.at("class_names")[1]));
  EXPECT_NE(two.at("preprocessing"), all.at("preprocessing"));
  write_npy(folder_ / "X.npy", at::zeros({1, 1, 28, 28}, at::kByte));
  EXPECT_EQ(run_json({"run", "--network", "two", "--inputs", "X.npy"}).at("class_names"), two.at("class_names"));
}

TEST_F(DataFormatTest, NetworksOfFloatDataTakeFloats) {
  std::filesystem::copy(folder_ / "small", folder_ / "floats");
  for (const std::string part : {"train", "test"}) {
    const std::filesystem::path file = folder_ / "floats" / (part + "-images.npy");
    write_npy(file, read_npy(file).to(at::kFloat) * 3 - 100);
  }
  run_well(train("run", with(dense(), {"--data", "floats"})));
  EXPECT_EQ(preprocessing("run/network.safetensors").at("divide_by"), 1);
  write_npy(folder_ / "X.npy", images("floats", at::kFloat));
  EXPECT_TRUE(at::equal(outputs({"--network", "run", "--inputs", "X.npy", "--standardise"}),
                        outputs({"--network", "run", "--data", "floats"})));
  write_npy(folder_ / "B.npy", images("small", at::kByte));
  const Outcome outcome = run({"run", "--network", "run", "--inputs", "B.npy"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err,
              HasSubstr("the inputs are uint8, but the network's mean and standard deviation are of float"));
}

TEST_F(DataFormatTest, FilesThatDoNotSayNeedTheDataSet) {
  run_well(train("run", dense()));
  TensorFile file = read_safetensors(folder_ / "run" / kNetworkFile);
  file.metadata.erase("preprocessing");
  write_safetensors(folder_ / "old.safetensors", file);
  write_npy(folder_ / "X.npy", images("small", at::kByte));
  const Outcome outcome = run({"run", "--network", "old.safetensors", "--inputs", "X.npy"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("old.safetensors does not say how raw inputs are standardised"));
  EXPECT_TRUE(at::equal(outputs({"--network", "old.safetensors", "--data", "small"}),
                        outputs({"--network", "run", "--data", "small"})));

  file.metadata["preprocessing"] = R"({"divide_by":255,"mean":[0.4],"standard_deviation":[0]})";
  write_safetensors(folder_ / "broken.safetensors", file);
  for (const Words& words : {Words{"inspect", "broken.safetensors"},
                             Words{"evaluate", "--network", "broken.safetensors", "--data", "small"}}) {
    const Outcome broken = run(words);
    EXPECT_EQ(broken.code, 2);
    EXPECT_THAT(broken.err, HasSubstr("'preprocessing': a standard deviation is not a finite number above 0"));
  }
}

}  // namespace
}  // namespace ntt
