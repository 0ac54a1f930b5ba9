#include "ntt/experiment/plan.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PlanTest : public TemporaryFolderTest {
 protected:
  ExperimentPlan plan(const std::string& text, bool quick = false) const {
    write(folder_ / "small.toml", text);
    return read_plan(folder_ / "small.toml", quick);
  }
  std::string refusal(const std::string& text) const {
    return message_of<InputError>([&] { plan(text); });
  }
  static std::vector<std::string> names(const ExperimentPlan& plan) {
    std::vector<std::string> names;
    for (const Job& job : plan.jobs) {
      names.push_back(job.name);
    }
    return names;
  }
  static const Job& job(const ExperimentPlan& plan, const std::string& name) {
    for (const Job& job : plan.jobs) {
      if (job.name == name) {
        return job;
      }
    }
    throw std::out_of_range(name);
  }
};

TEST_F(PlanTest, UnrollsTheGridWithEachJobAfterWhatItNeeds) {
  const ExperimentPlan all = plan(
      "name = 'both'\n[grid]\ndata = 'mnist'\nmodel = 'nets/my-net.toml'\nmethod = ['snip', 'synflow']\n"
      "density = [0.1, 0.03]\nseed = [1, 2]\n[find]\nepochs = 3\nsamples = 50\n[train]\nepochs = 4\n");
  EXPECT_EQ(all.name, "both");
  EXPECT_EQ(all.jobs.size(), 2U * 2 * 2 * 2);
  std::set<std::string> earlier;
  for (const Job& job : all.jobs) {
    EXPECT_TRUE(job.needs.empty() || earlier.contains(job.needs)) << job.name;
    EXPECT_TRUE(earlier.insert(job.name).second) << job.name << " is there twice";
  }
  const Job& found = job(all, "find/mnist-my-net-snip-0.03-layer-2");
  EXPECT_THAT(found.arguments,
              ElementsAre("prune", "--method", "snip", "--data", "mnist", "--model", "nets/my-net.toml", "--density",
                          "0.03", "--scope", "layer", "--seed", "2", "--samples", "50"))
      << "epochs are not snip's";
  const Job& trained = job(all, "train/mnist-my-net-snip-0.03-layer-2");
  EXPECT_THAT(trained.arguments, ElementsAre("train", "--data", "mnist", "--seed", "2", "--epochs", "4", "--init"));
  EXPECT_EQ(trained.needs, found.name);
  EXPECT_EQ(trained.density, 0.03);
  EXPECT_EQ(trained.seed, 2);
}

TEST_F(PlanTest, EachMethodGetsTheOptionsThatItTakes) {
  const ExperimentPlan all = plan(
      "[grid]\ndata = 'mnist'\nmethod = ['ntt-exact', 'synflow']\ndensity = 0.1\n[find]\nsteps = 30\nrounds = 5\n");
  EXPECT_EQ(all.name, "small") << "the file's, unless it says";
  EXPECT_THAT(job(all, "find/mnist-lenet-300-100-ntt-exact-0.1-layer-1").arguments, Contains("--steps"));
  EXPECT_THAT(job(all, "find/mnist-lenet-300-100-ntt-exact-0.1-layer-1").arguments, Not(Contains("--rounds")));
  EXPECT_THAT(job(all, "find/mnist-lenet-300-100-synflow-0.1-layer-1").arguments, Contains("--rounds"));
  EXPECT_THAT(job(all, "find/mnist-lenet-300-100-synflow-0.1-layer-1").arguments, Not(Contains("--steps")));
}

TEST_F(PlanTest, OptionsThatAreListsAreJoinedAndOthersAreOneValue) {
  const std::string grid = "[grid]\ndata = 'cifar-10'\nmethod = ['force', 'phew']\ndensity = 0.1\n";
  const ExperimentPlan all =
      plan(grid + "[find]\nrounds = 5\n[train]\naugment = ['crop', 'flip']\nmilestones = [0.25, 0.75]\n");
  EXPECT_THAT(job(all, "train/cifar-10-lenet-300-100-phew-0.1-layer-1").arguments,
              testing::AllOf(Contains("crop,flip"), Contains("0.25,0.75")));
  EXPECT_THAT(job(all, "find/cifar-10-lenet-300-100-force-0.1-layer-1").arguments, Contains("--rounds"));
  EXPECT_THAT(job(all, "find/cifar-10-lenet-300-100-phew-0.1-layer-1").arguments, Not(Contains("--rounds")));
  EXPECT_THAT(refusal(grid + "[train]\nseed = [1, 2]\n"), HasSubstr("[train] 'seed' must be one value"));
}

TEST_F(PlanTest, LateMagnitudePrunesWhatTheDenseNetworkLearnt) {
  const std::string grid = "[grid]\ndata = 'mnist'\nmethod = ['late-magnitude', 'dense']\ndensity = [0.1, 0.03]\n";
  const ExperimentPlan all = plan(grid + "[find]\nkeep = ['first', 'last']\n[train]\nrewind-step = 5\n");
  const std::string dense = "mnist-lenet-300-100-dense-1-layer-1";
  const std::string late = "mnist-lenet-300-100-late-magnitude-0.1-layer-1";
  EXPECT_EQ(job(all, "find/" + late).needs, "train/" + dense);
  EXPECT_THAT(job(all, "find/" + late).arguments,
              ElementsAre("rewind", "--density", "0.1", "--scope", "layer", "--keep", "first,last", "--init"));
  EXPECT_EQ(job(all, "train/" + late).needs, "find/" + late);
  EXPECT_EQ(all.jobs.size(), 6U) << "the dense network is found and trained once";
  EXPECT_EQ(all.jobs[1].name, "train/" + dense) << "before what needs it";
  const ExperimentPlan variants = plan(grid + "[[variant]]\nname = 'a'\ntrain = {rewind-step = 0}\n");
  EXPECT_EQ(job(variants, "find/" + late + "-a").needs, "train/" + dense + "-a");
  EXPECT_THAT(job(variants, "train/" + late + "-a").arguments, Contains("--rewind-step"));
  EXPECT_THAT(refusal(grid), HasSubstr("needs 'rewind-step' in [train]"));
}

TEST_F(PlanTest, DenseNetworksAreSharedAndNotAblated) {
  const ExperimentPlan all = plan(
      "[grid]\ndata = 'mnist'\nmethod = 'dense'\ndensity = [0.5, 0.1]\nscope = ['layer', 'global']\n"
      "ablation = ['none', 'shuffle']\n");
  EXPECT_THAT(names(all),
              ElementsAre("find/mnist-lenet-300-100-dense-1-layer-1", "train/mnist-lenet-300-100-dense-1-layer-1"));
}

TEST_F(PlanTest, AblationsAndOtherDataShareWhatWasFound) {
  const ExperimentPlan all = plan(
      "[grid]\ndata = 'mnist'\ntrain-data = ['mnist', 'fashion-mnist']\nmethod = 'snip'\ndensity = 0.1\n"
      "ablation = ['none', 'shuffle']\n");
  EXPECT_EQ(all.jobs.size(), 1U + 1 + 2 * 2);
  const Job& there = job(all, "train/mnist-lenet-300-100-snip-0.1-layer-1-shuffle-on-fashion-mnist");
  EXPECT_EQ(there.needs, "ablate/mnist-lenet-300-100-snip-0.1-layer-1-shuffle");
  EXPECT_EQ(there.data, "fashion-mnist");
  EXPECT_EQ(there.method, "snip, shuffle");
}

TEST_F(PlanTest, TheQuickProfileReplacesKeyByKey) {
  const std::string text =
      "name = 'x'\n[grid]\ndata = 'mnist'\nmethod = 'snip'\ndensity = [0.1, 0.2]\nseed = [1, 2, 3]\n"
      "[train]\nepochs = 50\nheld-out = 0.2\n[quick.grid]\nseed = 9\n[quick.train]\nepochs = 1\n";
  EXPECT_EQ(plan(text).jobs.size(), 12U);
  const ExperimentPlan quick = plan(text, true);
  EXPECT_EQ(quick.name, "x-quick");
  EXPECT_EQ(quick.jobs.size(), 4U);
  EXPECT_THAT(quick.jobs[1].arguments,
              ElementsAre("train", "--data", "mnist", "--seed", "9", "--epochs", "1", "--held-out", "0.2", "--init"));
}

TEST_F(PlanTest, VariantsReplaceOptionsUnderTheirNames) {
  const ExperimentPlan all = plan(
      "[grid]\ndata = 'mnist'\nmethod = 'ntt-sketch'\ndensity = 0.1\nablation = ['none', 'shuffle']\n"
      "[find]\nepochs = 3\nprobes = 2\n[train]\nepochs = 4\n[[variant]]\nname = 'k=4'\nfind = {probes = 4}\n"
      "[[variant]]\nname = 'cubic'\nfind = {density-schedule = 'cubic'}\ntrain = {learning-rate = 0.01}\n");
  EXPECT_THAT(names(all), ElementsAre("find/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-k=4",
                                      "train/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-k=4",
                                      "ablate/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-k=4-shuffle",
                                      "train/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-k=4-shuffle",
                                      "find/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-cubic",
                                      "train/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-cubic",
                                      "ablate/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-cubic-shuffle",
                                      "train/mnist-lenet-300-100-ntt-sketch-0.1-layer-1-cubic-shuffle"));
  EXPECT_THAT(all.jobs[0].arguments,
              ElementsAre("prune", "--method", "ntt-sketch", "--data", "mnist", "--model", "lenet-300-100", "--density",
                          "0.1", "--scope", "layer", "--seed", "1", "--epochs", "3", "--probes", "4"));
  EXPECT_EQ(all.jobs[4].method, "ntt-sketch, cubic");
  EXPECT_EQ(all.jobs[7].method, "ntt-sketch, cubic, shuffle");
  EXPECT_THAT(all.jobs[5].arguments, ElementsAre("train", "--data", "mnist", "--seed", "1", "--epochs", "4",
                                                 "--learning-rate", "0.01", "--init"));
  EXPECT_EQ(all.jobs[5].needs, all.jobs[4].name);
}

TEST_F(PlanTest, WhatAVariantDoesNotChangeIsThereOnceUnderItsPlainName) {
  const ExperimentPlan all = plan(
      "[grid]\ndata = 'mnist'\nmethod = ['dense', 'snip', 'ntt-exact']\ndensity = 0.1\n"
      "[[variant]]\nname = 'cubic'\nfind = {density-schedule = 'cubic'}\n"
      "[[variant]]\nname = 'k=4'\nfind = {probes = 4}\n"
      "[[variant]]\nname = 'fast'\ntrain = {learning-rate = 0.01}\n");
  const std::string snip = "mnist-lenet-300-100-snip-0.1-layer-1";
  const std::string exact = "mnist-lenet-300-100-ntt-exact-0.1-layer-1";
  const std::string dense = "mnist-lenet-300-100-dense-1-layer-1";
  EXPECT_THAT(names(all),
              ElementsAre("find/" + dense, "train/" + dense, "train/" + dense + "-fast", "find/" + snip,
                          "train/" + snip, "train/" + snip + "-fast", "find/" + exact + "-cubic",
                          "train/" + exact + "-cubic", "find/" + exact, "train/" + exact, "train/" + exact + "-fast"));
  EXPECT_EQ(job(all, "train/" + snip + "-fast").needs, "find/" + snip);
  EXPECT_EQ(job(all, "train/" + snip + "-fast").method, "snip, fast");
  EXPECT_EQ(job(all, "train/" + snip).method, "snip");
}

TEST_F(PlanTest, ClassesAreAList) {
  const ExperimentPlan all = plan(
      "[grid]\ndata = 'mnist'\nmethod = 'snip'\ndensity = 0.1\n[find]\nclasses = [0, 1]\n[train]\nclasses = [0, 1]\n");
  for (const Job& job : all.jobs) {
    const auto option = std::find(job.arguments.begin(), job.arguments.end(), "--classes");
    ASSERT_NE(option, job.arguments.end()) << job.name;
    EXPECT_EQ(*std::next(option), "0,1");
  }
}

TEST_F(PlanTest, OnlyScoresAreInverted) {
  const ExperimentPlan all =
      plan("[grid]\ndata = 'mnist'\nmethod = ['snip', 'ntt-exact']\ndensity = 0.1\nablation = ['shuffle', 'invert']\n");
  EXPECT_THAT(names(all), Contains("ablate/mnist-lenet-300-100-snip-0.1-layer-1-invert"));
  EXPECT_THAT(names(all), Contains("ablate/mnist-lenet-300-100-ntt-exact-0.1-layer-1-shuffle"));
  EXPECT_THAT(names(all), Not(Contains("ablate/mnist-lenet-300-100-ntt-exact-0.1-layer-1-invert")));
}

TEST_F(PlanTest, VariantsThatCannotBeAreRefused) {
  const std::string grid = "[grid]\ndata = 'mnist'\nmethod = 'snip'\ndensity = 0.1\n[[variant]]\n";
  const std::string train = "train = {epochs = 2}\n";
  EXPECT_THAT(refusal(grid + train), HasSubstr("a variant's name is ''"));
  EXPECT_THAT(refusal(grid + "name = 'a/b'\n" + train), HasSubstr("a variant's name is 'a/b'"));
  EXPECT_THAT(refusal(grid + "name = 'a'\n"), HasSubstr("variant 'a' changes nothing"));
  EXPECT_THAT(refusal(grid + "name = 'a'\ntrain = 3\n"), HasSubstr("variant 'a': 'train' must be a table"));
  EXPECT_THAT(refusal(grid + "name = 'a'\ntrian = 3\n"), HasSubstr("there is no 'variant.trian'"));
  EXPECT_THAT(refusal(grid + "name = 'a'\ntrain = {epochs = [1, 2]}\n"), HasSubstr("variant 'a' 'epochs' must be one"));
  EXPECT_THAT(refusal(grid + "name = 'a'\n" + train + "[[variant]]\nname = 'a'\n" + train),
              HasSubstr("there are two variants 'a'"));
  EXPECT_THAT(refusal("variant = 3\n[grid]\ndata = 'mnist'\nmethod = 'snip'\ndensity = 0.1\n"),
              HasSubstr("variants must be tables"));
  EXPECT_THAT(refusal("[grid]\ndata = 'mnist'\nmethod = 'snip'\ndensity = 0.1\nablation = ['shuffle-with-weights', "
                      "'shuffle']\n[[variant]]\nname = 'with-weights'\ntrain = {epochs = 2}\n"
                      "[[variant]]\nname = 'x'\nfind = {density-schedule = 'cubic'}\n"),
              HasSubstr("two jobs would be named"));
}

TEST_F(PlanTest, TheQuickProfileMayHaveVariantsOfItsOwn) {
  const std::string text =
      "name = 'x'\n[grid]\ndata = 'mnist'\nmethod = 'snip'\ndensity = 0.1\n[[variant]]\nname = 'a'\n"
      "train = {epochs = 9}\n[[variant]]\nname = 'b'\ntrain = {epochs = 8}\n";
  EXPECT_EQ(plan(text, true).jobs.size(), 3U);
  const ExperimentPlan quick = plan(text + "[[quick.variant]]\nname = 'c'\ntrain = {epochs = 2}\n", true);
  EXPECT_THAT(names(quick),
              ElementsAre("find/mnist-lenet-300-100-snip-0.1-layer-1", "train/mnist-lenet-300-100-snip-0.1-layer-1-c"));
}

class StudyTest : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(StudyTest, HasAPlanInBothProfilesAndSaysWhatItIs) {
  const ExperimentPlan full = read_plan(GetParam(), false);
  const ExperimentPlan quick = read_plan(GetParam(), true);
  EXPECT_EQ(full.name, GetParam().stem());
  EXPECT_GT(full.jobs.size(), quick.jobs.size());
  for (const ExperimentPlan& plan : {full, quick}) {
    std::set<std::string> earlier;
    for (const Job& job : plan.jobs) {
      EXPECT_TRUE(job.needs.empty() || earlier.contains(job.needs)) << job.name;
      EXPECT_TRUE(earlier.insert(job.name).second) << job.name << " is there twice";
    }
  }
  std::ifstream file(GetParam());
  std::string line;
  std::getline(file, line);
  EXPECT_TRUE(line.starts_with("# Study: ")) << line;
}

std::vector<std::filesystem::path> studies() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(NTT_SOURCE_DIR "/experiments")) {
    if (entry.path().extension() == ".toml") {
      files.push_back(entry.path());
    }
  }
  return files;
}

std::string study_name(const testing::TestParamInfo<std::filesystem::path>& study) {
  std::string name = study.param.stem();
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Experiments, StudyTest, testing::ValuesIn(studies()), study_name);

TEST_F(PlanTest, ErrorsNameTheFileAndTheKey) {
  const std::string grid = "[grid]\ndata = 'mnist'\nmethod = 'snip'\n";
  EXPECT_THAT(refusal(grid), HasSubstr("small.toml: [grid] needs 'density'"));
  EXPECT_THAT(refusal(grid + "density = 0.1\ndepth = 3\n"), HasSubstr("[grid] has no 'depth'; it knows data"));
  EXPECT_THAT(refusal(grid + "density = 'few'\n"), HasSubstr("density few and seed 1 must be numbers"));
  EXPECT_THAT(refusal(grid + "density = 0.1\n[trian]\nepochs = 1\n"), HasSubstr("there is no 'trian'"));
  EXPECT_THAT(refusal(grid + "density = 0.1\n[train]\nepochs = [1, 2]\n"), HasSubstr("[train] 'epochs' must be one"));
  EXPECT_THAT(refusal("grid = 3\n"), HasSubstr("'grid' must be a table"));
  EXPECT_THAT(refusal("[grid\n"), HasSubstr("small.toml, line 1"));
  EXPECT_THAT(refusal(grid + "density = true\n"), HasSubstr("'density' must hold strings or numbers"));
}

}  // namespace
}  // namespace ntt
