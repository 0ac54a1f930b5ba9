#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

/// Files of the version in which networks were sequences of layers (old_files/README.md).
class OldFilesTest : public CliTest {
 protected:
  OldFilesTest() { std::filesystem::copy(kFiles, folder_, std::filesystem::copy_options::recursive); }

  /// Rounding alone: another processor, another order of sums.
  static void expect_close(const at::Tensor& actual, const at::Tensor& expected, const std::string& name) {
    ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
    const at::Tensor wanted = expected.to(at::kDouble);
    const double difference = (actual.to(at::kDouble) - wanted).abs().max().item<double>();
    EXPECT_LE(difference, kRounding * wanted.abs().max().item<double>()) << name;
  }
  void expect_same_tensors(const std::filesystem::path& actual, const std::filesystem::path& expected) const {
    const TensorFile found = read_safetensors(actual);
    const TensorFile wanted = read_safetensors(expected);
    EXPECT_EQ(found.tensors.size(), wanted.tensors.size());
    for (const auto& [name, tensor] : wanted.tensors) {
      if (name.ends_with("_mask")) {
        EXPECT_TRUE(at::equal(found.at(name), tensor)) << name;
      } else {
        expect_close(found.at(name), tensor, name);
      }
    }
  }
  /// Every number of two lines of metrics but the times.
  static void expect_same_metrics(const std::vector<nlohmann::json>& actual,
                                  const std::vector<nlohmann::json>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_EQ(actual[i].size(), expected[i].size());
      for (const auto& [key, value] : expected[i].items()) {
        if (key != "seconds" && value.is_number()) {
          // Distances are squares, and of differences that are small beside what they are taken of.
          EXPECT_NEAR(actual[i].at(key).get<double>(), value.get<double>(), 1e-5 * std::abs(value.get<double>()))
              << key << ", line " << i;
        }
      }
    }
  }

  inline static const std::filesystem::path kFiles = std::filesystem::path(NTT_SOURCE_DIR) / "tests/cli/old_files";
  static constexpr double kRounding = 1e-6;
};

TEST_F(OldFilesTest, NetworksAnswerAsTheyDid) {
  for (const std::string network : {"dense", "compact"}) {
    for (const std::string execution : {"dense", "sparse"}) {
      run_well({"run", "--network", network + ".safetensors", "--inputs", "inputs.npy", "--execution", execution,
                "--threads", "1", "--out", network + execution + ".npy"});
      expect_close(read_npy(folder_ / (network + execution + ".npy")), read_npy(kFiles / "outputs.npy"),
                   network + ", " + execution);
    }
  }
}

TEST_F(OldFilesTest, NetworksAreEvaluatedAsTheyWere) {
  const nlohmann::json expected = nlohmann::json::parse(read(kFiles / "evaluate.json"));
  for (const std::string network : {"dense.safetensors", "compact.safetensors"}) {
    const nlohmann::json record = run_json({"evaluate", "--network", network, "--data", "data", "--threads", "1"});
    for (const char* key :
         {"density", "kept_parameters", "parameters", "layers", "model", "test_accuracy", "train_accuracy"}) {
      EXPECT_EQ(record.at(key), expected.at(key)) << network << ", " << key;
    }
    for (const char* key : {"test_loss", "train_loss"}) {
      EXPECT_NEAR(record.at(key).get<double>(), expected.at(key).get<double>(), kRounding) << network << ", " << key;
    }
  }
}

TEST_F(OldFilesTest, NetworksAreWrittenAsTheyWere) {
  run_well({"export", "--network", "compact.safetensors", "--to", "safetensors", "--form", "dense", "--out", "again"});
  const TensorFile again = read_safetensors(folder_ / "again");
  const TensorFile before = read_safetensors(kFiles / "dense.safetensors");
  ASSERT_EQ(again.tensors.size(), before.tensors.size());
  for (std::size_t i = 0; i < before.tensors.size(); ++i) {
    EXPECT_EQ(again.tensors[i].first, before.tensors[i].first);
    EXPECT_TRUE(at::equal(again.tensors[i].second, before.tensors[i].second)) << before.tensors[i].first;
  }
}

TEST_F(OldFilesTest, ThePresentFormIsReadAsTheOldOne) {
  run_well({"export", "--network", "dense.safetensors", "--to", "safetensors", "--out", "again.safetensors"});
  run_well({"run", "--network", "again.safetensors", "--inputs", "inputs.npy", "--threads", "1", "--out", "again.npy"});
  expect_close(read_npy(folder_ / "again.npy"), read_npy(kFiles / "outputs.npy"), "again.npy");
}

class OldRunTest : public OldFilesTest, public testing::WithParamInterface<std::string> {};

TEST_P(OldRunTest, IsResumedAndEndsAsItDid) {
  const std::string run = GetParam();
  run_well({run.substr(0, run.find('-')), "--config", run + "/config.toml", "--resume"});
  const std::filesystem::path finished = kFiles / "finished" / run;
  expect_same_tensors(folder_ / run / kNetworkFile, finished / kNetworkFile);
  expect_same_metrics(read_metrics(folder_ / run / kMetricsFile), read_metrics(finished / kMetricsFile));
  if (std::filesystem::exists(finished / kTrackFile)) {
    expect_same_tensors(folder_ / run / kTrackFile, finished / kTrackFile);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / run / kCheckpointFile));
}

INSTANTIATE_TEST_SUITE_P(Runs, OldRunTest, testing::Values("transfer", "transfer-exact", "train-dense", "train-sparse"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace ntt
