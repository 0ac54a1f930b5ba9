#include "ntt/page/run.h"

#include <gmock/gmock.h>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"
#include "ntt/page/comparison.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReadStudyTest : public TemporaryFolderTest {
 protected:
  static Job job(const std::string& stage, const std::string& name, const std::string& method, double density,
                 const std::string& needs = "") {
    return {stage + "/" + name,
            stage,
            {stage == "find" ? "prune" : "train"},
            needs,
            "small",
            "net",
            method,
            density,
            "layer",
            1};
  }
  std::string message() const {
    return message_of<InputError>([&] { read_study(folder_); });
  }
  void write_run(const std::string& name, const nlohmann::json& result) const {
    RunFolder(folder_ / name).write_result(result);
  }
};

TEST_F(ReadStudyTest, AnExperimentHasEveryJobWithItsCommandAndItsError) {
  JobStore store(folder_ / "experiment.sqlite");
  Job found = job("find", "snip", "snip", 0.1);
  found.data = "other";
  Job trained = job("train", "snip", "snip", 0.1, "find/snip");
  trained.arguments = {"train", "--data", "my data", "--init"};
  store.add({found, trained, job("find", "grasp", "grasp", 0.1), job("train", "grasp", "grasp", 0.1, "find/grasp")});
  store.finish("find/snip", 2, nlohmann::json::object());
  store.finish("train/snip", 3, {{"figures", {{"test_accuracy", 0.5}, {"mean_test_accuracy_of_last_ten", 0.75}}}});
  store.fail("find/grasp", 1, "no memory");
  const Study study = read_study(folder_);
  ASSERT_EQ(study.runs.size(), 4U);
  const auto& run = study.runs[1];
  EXPECT_TRUE(run.trained());
  EXPECT_EQ(run.found_on, "other");
  EXPECT_EQ(run.test_accuracy(), 0.75);
  EXPECT_EQ(run.folder, folder_ / "train/snip");
  EXPECT_EQ(run.command, "ntt train --data 'my data' --init " + (folder_ / "find/snip").string() +
                             " --threads 1 --out " + (folder_ / "train/snip").string());
  EXPECT_EQ(study.runs[2].record.state, JobState::failed);
  EXPECT_EQ(study.runs[2].record.error, "no memory");
  EXPECT_THAT(study.runs[3].record.error, HasSubstr("find/grasp"));
}

TEST_F(ReadStudyTest, ATrainingAmongRunFoldersKnowsWhatItStartedFrom) {
  write_run("ntt", {{"what", "transfer"},
                    {"seed", 2},
                    {"density", 0.0301},
                    {"options", {{"data", "small"}, {"model", "net.toml"}, {"density", 0.03}, {"kernel", "exact"}}}});
  write_run("ntt-trained", {{"what", "train"},
                            {"method", "ntt"},
                            {"model", "net"},
                            {"data", "other"},
                            {"density", 0.0301},
                            {"seed", 2},
                            {"options", {{"init", "runs/ntt/"}}},
                            {"figures", {{"test_accuracy", 0.9}}}});
  write(folder_ / "ntt-trained" / kConfigFile, "[train]\n");
  std::filesystem::create_directory(folder_ / "report");
  const Study study = read_study(folder_);
  ASSERT_EQ(study.runs.size(), 2U);
  EXPECT_EQ(study.runs[0].job().method, "ntt-exact");
  const auto& trained = study.runs[1];
  EXPECT_EQ(trained.job().method, "ntt-exact");
  EXPECT_EQ(trained.job().density, 0.03);
  EXPECT_EQ(trained.found_on, "small");
  EXPECT_EQ(trained.test_accuracy(), 0.9);
  EXPECT_THAT(trained.command, AllOf(HasSubstr("ntt train --config"), HasSubstr("ntt-trained/config.toml")));
}

TEST_F(ReadStudyTest, OneRunFolderIsAStudy) {
  write_run(".", {{"what", "train"}, {"method", "dense"}, {"density", 1.0}, {"options", {{"data", "/data/mine"}}}});
  const Study study = read_study(folder_);
  ASSERT_EQ(study.runs.size(), 1U);
  EXPECT_TRUE(study.runs[0].dense());
  EXPECT_EQ(short_name(study.runs[0].job().data), "mine");
}

TEST_F(ReadStudyTest, WhatHasNothingToReportIsNamed) {
  EXPECT_THAT(message(), HasSubstr("holds nothing to report"));
  EXPECT_THAT(message_of<InputError>([&] { read_study(folder_ / "none"); }), HasSubstr("there is no folder"));
  std::filesystem::create_directory(folder_ / "begun");
  write(folder_ / "begun" / kConfigFile, "[train]\n");
  EXPECT_THAT(message(), HasSubstr("nothing in " + folder_.string() + " is finished: 1 run is begun or waiting"));
  JobStore(folder_ / "experiment.sqlite").add({job("find", "a", "a", 1), job("train", "a", "a", 1)});
  EXPECT_THAT(message(), HasSubstr("2 runs are begun or waiting"));
}

TEST_F(ReadStudyTest, TheDenseNetworkIsSharedByScopesAndDensities) {
  JobStore store(folder_ / "experiment.sqlite");
  Job global = job("train", "c", "snip", 0.1);
  global.scope = "global";
  store.add(
      {job("train", "dense", "dense", 1), job("train", "a", "snip", 0.1), job("train", "b", "random", 0.03), global});
  for (const char* name : {"train/dense", "train/a", "train/b", "train/c"}) {
    store.finish(name, 1, nlohmann::json::object());
  }
  const Study study = read_study(folder_);
  const std::vector<Comparison> comparisons = compare(study);
  ASSERT_EQ(comparisons.size(), 2U);
  EXPECT_THAT(comparisons[0].densities(), ElementsAre(0.03, 0.1));
  EXPECT_EQ(comparisons[0].id(), "small-net-layer");
  EXPECT_EQ(comparisons[1].id(), "small-net-global");
  for (const Comparison& comparison : comparisons) {
    ASSERT_EQ(comparison.dense.size(), 1U);
    EXPECT_EQ(comparison.dense[0]->job().name, "train/dense");
  }
}

}  // namespace
}  // namespace ntt
