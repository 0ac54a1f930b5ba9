#include "ntt/experiment/tally.h"

#include <gmock/gmock.h>

namespace ntt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

JobRecord training(double density, JobState state, double accuracy, double validation) {
  JobRecord record;
  record.job = {"train/x", "train", {}, "", "mnist", "net", "snip", density, "layer", 1};
  record.state = state;
  record.seconds = 10;
  record.result = {{"figures", {{"mean_test_accuracy_of_last_ten", accuracy}}}};
  if (validation > 0) {
    record.result["figures"]["validation_accuracy"] = validation;
  }
  return record;
}

TEST(TallyTest, JobsOfAPointAreCountedTogetherDensitiesFalling) {
  const auto tallies = tallies_of({training(0.1, JobState::done, 0.75, 0.5), training(0.5, JobState::failed, 0, 0),
                                   training(0.1, JobState::done, 0.25, 0), training(0.1, JobState::waiting, 0, 0)});
  ASSERT_EQ(tallies.size(), 2U);
  const auto& [first, failed] = *tallies.begin();
  EXPECT_EQ(first.density, 0.5);
  EXPECT_EQ(failed.failed, 1);
  EXPECT_THAT(failed.accuracies, IsEmpty());
  const auto& [second, tally] = *tallies.rbegin();
  EXPECT_EQ(second.density, 0.1);
  EXPECT_EQ(second.found_on, "mnist");
  EXPECT_EQ(tally.jobs, 3);
  EXPECT_EQ(tally.done, 2);
  EXPECT_THAT(tally.accuracies, ElementsAre(0.75, 0.25));
  EXPECT_THAT(tally.validations, ElementsAre(0.5));
}

TEST(TallyTest, TheStatusNamesEveryJobAndTheTimeLeft) {
  const nlohmann::json record =
      status_record({training(0.1, JobState::done, 0.75, 0), training(0.1, JobState::waiting, 0, 0)}, 2);
  EXPECT_EQ(record.at("done"), 1);
  EXPECT_EQ(record.at("waiting"), 1);
  EXPECT_EQ(record.at("jobs").size(), 2U);
  EXPECT_EQ(record.at("seconds_left"), 5);
  EXPECT_TRUE(status_record({training(0.1, JobState::waiting, 0, 0)}, 1).at("seconds_left").is_null());
}

}  // namespace
}  // namespace ntt
