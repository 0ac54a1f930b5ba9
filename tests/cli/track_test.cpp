#include <ATen/ATen.h>

#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

class TrackTest : public CliTest {
 protected:
  nlohmann::json first_line(const std::string& run) const { return read_metrics(folder_ / run / kMetricsFile).front(); }
};

TEST_F(TrackTest, TheStartIsAtTheDistanceThatTheKernelCommandFinds) {
  run_well(transfer("found", {"--learning-rate", "0.01"}));
  run_well(train("run", {"--init", "found", "--held-out", "0", "--track", "7"}));
  EXPECT_TRUE(files_in("run").contains("track.safetensors"));
  const nlohmann::json kernel =
      run_json({"kernel", "--network", "found", "--against", "found/teacher.safetensors", "--data", "small",
                "--parameters", "active", "--samples", "7", "--out", "K.npy"});
  const double distance = kernel.at("kernel_distance").get<double>();
  EXPECT_GT(distance, 0);
  EXPECT_NEAR(first_line("run").at("kernel_distance").get<double>(), distance, 1e-4 * distance);
  EXPECT_NEAR(first_line("run").at("kernel_alignment").get<double>(), kernel.at("alignment").get<double>(), 1e-5);
  const at::Tensor mean = read_npy(folder_ / "K.npy").diagonal(0, 2, 3).mean(-1);
  EXPECT_TRUE(at::allclose(read_safetensors(folder_ / "run" / kTrackFile).at("kernel")[0], mean, 1e-4));
  EXPECT_TRUE(result_of("run").at("figures").at("last").contains("kernel_alignment"));
}

TEST_F(TrackTest, NetworksThatAreDrawnAreComparedWithTheDenseDraw) {
  run_well(train("dense", with(dense(), {"--track", "5"})));
  EXPECT_EQ(first_line("dense").at("kernel_distance"), 0);
  run_well(train("again", {"--init", "dense", "--track", "5"}));
  EXPECT_EQ(first_line("again").at("kernel_distance"), 0) << "a dense network is its own teacher";
  const Words random{"--method", "random", "--model", "small.toml", "--density", "0.3"};
  run_well(train("random", with(random, {"--track", "5"})));
  EXPECT_GT(first_line("random").at("kernel_distance"), 0);
  run_well(train("more", {"--init", "random", "--track", "5"}));
  EXPECT_FALSE(first_line("more").contains("kernel_distance")) << "nobody knows what it came from";
}

TEST_F(TrackTest, TooManyInputsAreRefused) {
  const Outcome outcome = run(train("run", with(dense(), {"--track", "61"})));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("61 inputs are to be tracked, but there are 60 held-out inputs"));
}

}  // namespace
}  // namespace ntt
