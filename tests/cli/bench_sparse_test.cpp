#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BenchSparseTest : public CliTest {
 protected:
  static Words bench(const Words& more) {
    return with({"bench", "sparse", "--model", "small.toml", "--densities", "0.5,0.1", "--batch-sizes", "8",
                 "--seconds", "0.01", "--threads", "1"},
                more);
  }
};

TEST_F(BenchSparseTest, TimesAnswersAndStepsAtEachDensity) {
  const nlohmann::json record =
      run_json(bench({"--model", "lenet-300-100", "--densities", "0.1", "--batch-sizes", "8,40"}));
  EXPECT_EQ(record.at("what"), "bench sparse");
  const nlohmann::json& rows = record.at("rows");
  ASSERT_EQ(rows.size(), 2U);
  for (const nlohmann::json& row : rows) {
    EXPECT_EQ(row.at("network"), "lenet-300-100");
    EXPECT_EQ(row.at("density"), 0.1);
    EXPECT_EQ(row.at("kept"), 26620);
    EXPECT_LT(row.at("sparse_weight_bytes"), row.at("dense_weight_bytes"));
    EXPECT_LT(row.at("compact_file_bytes"), row.at("sparse_weight_bytes"));
    for (const char* workload : {"inference", "training"}) {
      const nlohmann::json& timing = row.at(workload);
      EXPECT_GT(timing.at("dense_ms"), 0);
      EXPECT_GT(timing.at("sparse_ms"), 0);
      EXPECT_GE(timing.at("sparse_calls"), 3);
      EXPECT_DOUBLE_EQ(timing.at("ratio").get<double>(),
                       timing.at("dense_ms").get<double>() / timing.at("sparse_ms").get<double>());
    }
  }
  EXPECT_EQ(rows[1].at("batch_size"), 40);
  // A few hidden units are read by nobody, and so not worked out.
  const auto done = rows[1].at("inference").at("register_multiply_adds").get<std::int64_t>();
  EXPECT_LE(done, 26620 * 3);
  EXPECT_GT(done, 26620 * 3 * 9 / 10);
  EXPECT_EQ(rows[1].at("inference").at("multiply_adds"), done / 3 * 40);
  EXPECT_DOUBLE_EQ(rows[1].at("inference").at("read_share").get<double>(), static_cast<double>(done) / (26620 * 3));
  for (const char* ceiling : {"fma", "l1_loads", "l2_loads", "gathers"}) {
    EXPECT_GT(record.at("ceilings_gmacs").at(ceiling), 0) << ceiling;
  }
}

TEST_F(BenchSparseTest, TimesLayersAloneAndFindsWhereTheirKindsBreakEven) {
  write(folder_ / "conv.toml",
        "name = 'small'\ninput = [2, 6, 6]\n[[layer]]\ntype = 'conv2d'\nout_channels = 4\nkernel = 3\n"
        "[[layer]]\ntype = 'relu'\n[[layer]]\ntype = 'conv2d'\nout_channels = 3\nkernel = 3\npadding = 1\n"
        "[[layer]]\ntype = 'flatten'\n[[layer]]\ntype = 'linear'\nout_features = 2\n");
  const nlohmann::json record = run_json(with(bench({"--model", "conv.toml"}), {"--layers"}));
  std::vector<std::string> names;
  for (const nlohmann::json& row : record.at("rows")) {
    if (row.at("density") == 0.5) {
      names.push_back(fmt::format("{}: {}", row.at("network").get<std::string>(), row.at("kind").get<std::string>()));
    }
  }
  EXPECT_THAT(names, testing::ElementsAre("small: model", "small conv1: convolution", "small conv2: convolution",
                                          "small fc1: linear"));
  std::set<std::string> groups;
  for (const nlohmann::json& even : record.at("break_even")) {
    groups.insert(fmt::format("{}, {}", even.at("of").get<std::string>(), even.at("workload").get<std::string>()));
  }
  EXPECT_THAT(groups, testing::IsSupersetOf({"small, inference", "convolution, training", "linear, inference"}));
  EXPECT_EQ(groups.size(), 6U);
}

TEST_F(BenchSparseTest, PrintsATableWithoutJson) {
  EXPECT_THAT(run_well(bench({})).out,
              AllOf(HasSubstr("network"), HasSubstr("GMAC/s"), HasSubstr("break-even density"), HasSubstr("ceilings")));
}

TEST_F(BenchSparseTest, RefusesWhatCannotBeMeasured) {
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--densities", "0.1,0"}, "--densities has 0, but densities lie above 0"},
      {{"--densities", "1.5"}, "--densities has 1.5"},
      {{"--densities", "few"}, "--densities"},
      {{"--batch-sizes", "8,0"}, "--batch-sizes"},
      {{"--batch-sizes", "half"}, "--batch-sizes"},
      {{"--seconds", "0"}, "--seconds"},
      {{"--model", "lenet"}, "there is no model 'lenet'"},
      {{"--device", "cuda"}, "cuda"},
  };
  std::vector<Words> commands;
  for (const auto& refused : cases) {
    commands.push_back(bench(refused.first));
  }
  const std::vector<Outcome> outcomes = run_all(commands);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(outcomes[i].code, 2) << cases[i].second;
    EXPECT_EQ(outcomes[i].out, "");
    EXPECT_THAT(outcomes[i].err, HasSubstr(cases[i].second));
  }
}

}  // namespace
}  // namespace ntt
