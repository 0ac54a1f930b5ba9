#include <cstdint>

#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using Names = std::set<std::string>;

class RunTest : public CliTest {
 protected:
  /// Fails unless every masked weight is an exact zero, and counts the kept weights and all.
  static std::pair<std::int64_t, std::int64_t> count_weights(const TensorFile& file) {
    std::pair<std::int64_t, std::int64_t> counts{0, 0};
    for (const auto& [name, mask] : file.tensors) {
      if (name.ends_with("_mask")) {
        const at::Tensor weights = file.at(name.substr(0, name.size() - 5));
        EXPECT_EQ(at::count_nonzero(weights.masked_select(mask.eq(0))).item<std::int64_t>(), 0) << name;
        counts.first += mask.sum().item<std::int64_t>();
        counts.second += mask.numel();
      }
    }
    return counts;
  }
  static void expect_common_keys(const nlohmann::json& record, const std::string& what) {
    EXPECT_EQ(record.at("what"), what);
    for (const char* key : {"options", "seed", "figures", "seconds", "ms_per_step", "versions", "processor"}) {
      EXPECT_TRUE(record.contains(key)) << key;
    }
  }
};

TEST_F(RunTest, TransferWritesAWholeFolderAndPrintsResultsAlone) {
  const Outcome outcome = run_well(transfer("run", {"--seed", "4", "--density-schedule", "constant"}));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("kernel distance"), HasSubstr("run/network.safetensors")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("data: ")));
  EXPECT_THAT(outcome.err, HasSubstr("data: small"));
  EXPECT_EQ(files_in("run"),
            (Names{"config.toml", "result.json", "metrics.jsonl", "network.safetensors", "teacher.safetensors"}));

  const nlohmann::json result = result_of("run");
  expect_common_keys(result, "transfer");
  EXPECT_EQ(result.at("seed"), 4);
  EXPECT_EQ(result.at("options").at("density"), 0.5);
  const std::vector<nlohmann::json> lines = read_metrics(folder_ / "run" / kMetricsFile);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines.back().at("step"), 30);
  const nlohmann::json& distance = result.at("figures").at("kernel_distance");
  EXPECT_EQ(distance.at("before"), lines.front().at("kernel_distance"));
  EXPECT_EQ(distance.at("after"), lines.back().at("kernel_distance"));

  const TensorFile network = read_safetensors(folder_ / "run" / kNetworkFile);
  const auto [kept, all] = count_weights(network);
  EXPECT_EQ(all, 16 * 12 + 12 * 2);
  EXPECT_EQ(kept, all / 2);
  EXPECT_EQ(network.metadata.at("method"), "ntt");
}

TEST_F(RunTest, TrainKeepsTheFoundMasksAndWritesAWholeFolder) {
  run_well(transfer("found"));
  const nlohmann::json printed = run_json(train("run", {"--init", "found"}));
  EXPECT_EQ(files_in("run"), (Names{"config.toml", "result.json", "metrics.jsonl", "network.safetensors"}));
  expect_common_keys(printed, "train");
  EXPECT_EQ(printed, result_of("run"));
  EXPECT_EQ(printed.at("method"), "ntt");
  EXPECT_EQ(printed.at("density"), 0.5);
  EXPECT_EQ(read_metrics(folder_ / "run" / kMetricsFile).size(), 4U);

  const TensorFile found = read_safetensors(folder_ / "found" / kNetworkFile);
  const TensorFile trained = read_safetensors(folder_ / "run" / kNetworkFile);
  count_weights(trained);
  for (const auto& [name, tensor] : found.tensors) {
    EXPECT_EQ(at::equal(tensor, trained.at(name)), name.ends_with("_mask")) << name;
  }
}

TEST_F(RunTest, EvaluateFindsWhatTrainReported) {
  for (const std::string select : {"last", "best-validation"}) {
    const Words more{"--method", "random", "--model", "small.toml", "--density", "0.3", "--select", select};
    const nlohmann::json trained = run_json(train(select, more));
    const nlohmann::json figures = trained.at("figures");
    const nlohmann::json evaluated = run_json({"evaluate", "--network", select, "--data", "small"});
    EXPECT_EQ(evaluated.at("test_accuracy"), figures.at("test_accuracy"));
    EXPECT_NEAR(evaluated.at("test_loss").get<double>(), figures.at("test_loss").get<double>(), 1e-6);
    EXPECT_EQ(evaluated.at("density"), trained.at("density"));
    EXPECT_EQ(figures.at("test_accuracy"),
              figures.at(select == "last" ? "last" : "best_validation").at("test_accuracy"));
    EXPECT_GE(figures.at("best_validation").at("validation_accuracy"), figures.at("last").at("validation_accuracy"));
  }
}

TEST_F(RunTest, EvaluateFindsTheSameSparseAndDense) {
  run_well(train("run", {"--method", "random", "--model", "small.toml", "--density", "0.3"}));
  const auto evaluate = [&](const std::string& execution) {
    return run_json({"evaluate", "--network", "run", "--data", "small", "--execution", execution});
  };
  const nlohmann::json sparse = evaluate("sparse");
  const nlohmann::json dense = evaluate("dense");
  EXPECT_GT(dense.at("test_accuracy"), 0.6);
  for (const char* key : {"test_accuracy", "train_accuracy", "density", "kept_parameters", "layers"}) {
    EXPECT_EQ(sparse.at(key), dense.at(key)) << key;
  }
  for (const char* key : {"test_loss", "train_loss"}) {
    EXPECT_NEAR(sparse.at(key).get<double>(), dense.at(key).get<double>(), 1e-6) << key;
  }
  EXPECT_EQ(run({"evaluate", "--network", "run", "--data", "small", "--execution", "fast"}).code, 2);
}

TEST_F(RunTest, TrainReportsBothAccuraciesInWords) {
  EXPECT_THAT(run_well(train("run", dense())).out,
              AllOf(HasSubstr("at the end\n"), HasSubstr("at the best validation, step")));
  EXPECT_THAT(run_well(train("none", with(dense(), {"--held-out", "0"}))).out, HasSubstr("none held out"));
}

TEST_F(RunTest, ALossThatIsNoLongerFiniteNamesStepAndCheckpoint) {
  for (const Words& words :
       {transfer("run", {"--learning-rate", "1e30"}), transfer("heavy", {"--kernel-weight", "1e300"}),
        train("trained", with(dense(), {"--learning-rate", "1e30"}))}) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("error: "), HasSubstr("at step "), HasSubstr("checkpoint")));
  }
  for (const char* run : {"run", "heavy", "trained"}) {
    EXPECT_FALSE(std::filesystem::exists(folder_ / run / kNetworkFile));
    EXPECT_FALSE(std::filesystem::exists(folder_ / run / kResultFile));
  }
}

TEST_F(RunTest, BenchStepPrintsTheMedianAndTheShareOfTheCeiling) {
  const nlohmann::json bench =
      run_json({"bench", "step", "--model", "small.toml", "--seconds", "0.05", "--threads", "1", "--batch-size", "8"});
  EXPECT_GT(bench.at("ms_min").get<double>(), 0);
  EXPECT_LE(bench.at("ms_min"), bench.at("ms_per_step"));
  EXPECT_LE(bench.at("ms_per_step"), bench.at("ms_max"));
  EXPECT_GT(bench.at("fraction_of_ceiling").get<double>(), 0);
  EXPECT_LT(bench.at("fraction_of_ceiling").get<double>(), 1);
}

}  // namespace
}  // namespace ntt
