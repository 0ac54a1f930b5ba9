#include "ntt/page/figures.h"

#include <gmock/gmock.h>

#include <cmath>

#include "ntt/core/error.h"
#include "ntt/page/curves.h"
#include "ntt/page/summary.h"
#include "tests/page/experiment.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class FiguresTest : public ExperimentFolderTest {
 protected:
  /// Two methods at two densities and dense, two seeds each.
  void add_all() {
    for (const std::int64_t seed : {1, 2}) {
      const double more = seed == 1 ? 0 : 0.2;
      add_found("dense", 1, seed);
      add_trained("dense", 1, seed, 0.75 + more);
      for (const double density : {0.25, 0.5}) {
        for (const char* method : {"random", "ntt-exact"}) {
          add_found(method, density, seed);
          add_trained(method, density, seed, density + more);
        }
      }
    }
  }
  void add_tracks() const {
    for (const std::int64_t seed : {1, 2}) {
      write_safetensors(folder_of(job("train", "dense", 1, seed)) / "track.safetensors", track(1));
      for (const char* method : {"random", "ntt-exact"}) {
        write_safetensors(folder_of(job("train", method, 0.25, seed)) / "track.safetensors", track(3));
      }
    }
  }
  const Comparison& comparison() {
    study_ = read_study(folder_);
    comparisons_ = compare(study_);
    return comparisons_.front();
  }
  const Comparison& networks() {
    study_ = read_study(folder_);
    comparisons_ = found_networks(study_);
    return comparisons_.front();
  }
  static std::vector<std::string> ids(const std::vector<Figure>& figures) {
    std::vector<std::string> ids;
    for (const Figure& figure : figures) {
      ids.push_back(figure.id);
    }
    return ids;
  }

  Study study_;
  std::vector<Comparison> comparisons_;
  RunFiles files_;
};

TEST_F(FiguresTest, AccuracyHasMeanAndIntervalOfEachMethodAndTheDenseLevel) {
  add_all();
  const std::vector<Figure> figures = accuracy_figures(comparison());
  ASSERT_THAT(ids(figures), ElementsAre("accuracy-small-net-layer"));
  // Seeds 0.25 and 0.45: mean 35, half-width 12.7062 * 10 = 127.062.
  EXPECT_THAT(figures[0].csv, StartsWith("series,density,test_accuracy_percent,low,high,runs\ndense,1,85,-42.06"));
  EXPECT_THAT(figures[0].csv, HasSubstr("\nntt-exact,0.25,35,-92.06"));
  EXPECT_THAT(figures[0].csv, HasSubstr("\nrandom,0.5,60,-67.06"));
  EXPECT_THAT(figures[0].caption, HasSubstr("Means over 2 seeds; bars are 95 % intervals (Student's t)."));
  EXPECT_THAT(figures[0].script, AllOf(HasSubstr("set logscale x"), HasSubstr("lc rgb '#d55e00'")));
}

TEST_F(FiguresTest, OneSeedHasNoInterval) {
  add_trained("random", 0.25, 1, 0.5);
  const Figure figure = accuracy_figures(comparison()).front();
  EXPECT_EQ(figure.csv, "series,density,test_accuracy_percent,low,high,runs\nrandom,0.25,50,,,1\n");
  EXPECT_THAT(figure.caption, HasSubstr("One seed"));
  EXPECT_THAT(figure.script, Not(HasSubstr("yerrorbars")));
}

TEST_F(FiguresTest, CostCountsTheKeptWeights) {
  add_all();
  const std::vector<Figure> figures = cost_figures(comparison(), files_);
  ASSERT_THAT(figures, SizeIs(1));
  // 64 + 8 weights, each used once; at density 0.25 16 + 2 of them are kept.
  EXPECT_THAT(figures[0].csv, AllOf(HasSubstr("\ndense,72,85,"), HasSubstr("\nrandom,18,35,")));
}

TEST_F(FiguresTest, ConvergenceIsTheMeanOverSeedsAtEachStepAndDensity) {
  add_all();
  const std::vector<Figure> figures = convergence_figures(comparison(), files_);
  ASSERT_THAT(ids(figures), ElementsAre("convergence-small-net-layer-0.25", "convergence-small-net-layer-0.5"));
  EXPECT_THAT(figures[0].csv,
              AllOf(HasSubstr("\nrandom,10,17.5,"), HasSubstr("\nrandom,20,35,"), HasSubstr("\ndense,20,85,")));
}

TEST_F(FiguresTest, ConvergenceShowsTheLowestThreeDensitiesAndSaysSo) {
  for (const double density : {0.1, 0.2, 0.3, 0.4}) {
    add_trained("random", density, 1, 0.5);
  }
  const std::vector<Figure> figures = convergence_figures(comparison(), files_);
  EXPECT_THAT(ids(figures), SizeIs(3));
  EXPECT_THAT(figures[2].id, HasSubstr("-0.3"));
  EXPECT_THAT(figures[0].caption, HasSubstr("lowest three densities"));
}

TEST_F(FiguresTest, ACurveLeavesOutStepsThatOneRunLacks) {
  const std::vector<PlotPoint> points = mean_curve({{{0, 1.0}, {10, 2.0}}, {{0, 3.0}, {20, 4.0}}});
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_EQ(points[0].y, 2);
  EXPECT_EQ(points[0].count, 2U);
}

TEST_F(FiguresTest, SearchesShowTheirDistances) {
  add_all();
  const std::vector<Figure> figures = transfer_figures(networks(), files_);
  ASSERT_THAT(ids(figures),
              ElementsAre("search-kernel-distance-small-net-layer", "search-target-distance-small-net-layer"));
  EXPECT_THAT(figures[0].csv, AllOf(HasSubstr("ntt-exact 0.25,20,2,2,2,2"), Not(HasSubstr("random"))));
}

TEST_F(FiguresTest, TrainingKernelsAreShownWhereTheyWereMeasured) {
  add_all();
  EXPECT_THAT(ids(training_kernel_figures(comparison(), files_)),
              ElementsAre("training-kernel-alignment-cosine-small-net-layer"));
}

TEST_F(FiguresTest, MasksAreCountedByPixelAndLayer) {
  add_all();
  const std::vector<Figure> figures = mask_figures(networks(), files_);
  ASSERT_THAT(ids(figures),
              ElementsAre("mask-pixels-small-net-layer", "mask-fields-small-net-layer", "mask-layers-small-net-layer"));
  // The first of four hidden units keeps all its 16 weights: one a pixel.
  EXPECT_THAT(figures[0].csv, HasSubstr("\nrandom,3,3,1\n"));
  EXPECT_THAT(figures[1].csv, AllOf(HasSubstr("\nrandom,0,5,0\n"), Not(HasSubstr("\nrandom,0,4,")))) << "a gap";
  EXPECT_THAT(figures[2].csv, HasSubstr("\nrandom,fc2,25\n"));
}

TEST_F(FiguresTest, TracksShowTrajectoriesSpectraPicturesAndAlignment) {
  add_all();
  add_tracks();
  const std::vector<Figure> figures = track_figures(comparison(), files_);
  ASSERT_THAT(ids(figures), ElementsAre("alignment-with-dense-small-net-layer", "trajectories-small-net-layer",
                                        "spectrum-start-small-net-layer", "spectrum-end-small-net-layer",
                                        "kernel-map-ntt-exact-small-net-layer", "kernel-map-random-small-net-layer"));
  EXPECT_THAT(figures[0].csv, HasSubstr("\nrandom,0,1,1,1,2\n")) << "the kernels differ by a factor alone";
  EXPECT_THAT(figures[0].script, HasSubstr("set yrange [-1<*:*<1]")) << "a cosine, whatever its interval";
  EXPECT_THAT(figures[1].csv, AllOf(HasSubstr("\"random, input 3\",18,21,"), HasSubstr("\"dense, input 0\",0,1,")));
  EXPECT_THAT(figures[2].csv, AllOf(HasSubstr("\ndense,4,1,"), HasSubstr("\nrandom,1,3,")));
  EXPECT_THAT(figures[3].csv, Not(HasSubstr("\ndense,2,")));
  EXPECT_THAT(files_.warnings(), IsEmpty());
}

TEST_F(FiguresTest, KernelsAsPicturesAreOfOneScale) {
  add_trained("dense", 1, 1, 0.9);
  add_trained("random", 0.25, 1, 0.5);
  TensorFile sparse = track(8);
  sparse.tensors[2].second += 2;  // 10 on the diagonal and 2 beside it, where the dense one has 2 and 0
  write_safetensors(folder_of(job("train", "dense", 1, 1)) / "track.safetensors", track(2));
  write_safetensors(folder_of(job("train", "random", 0.25, 1)) / "track.safetensors", sparse);
  const std::vector<Figure> figures = track_figures(comparison(), files_);
  ASSERT_EQ(figures.back().id, "kernel-map-random-small-net-layer");
  EXPECT_THAT(figures.back().csv,
              AllOf(HasSubstr("\n\"dense, start\",1,1,1\n"), HasSubstr("\n\"random, start\",1,1,1\n"),
                    HasSubstr("\n\"random, start\",1,2,0.2\n"), HasSubstr("\n\"difference, start\",1,1,0\n"),
                    HasSubstr("\n\"difference, start\",1,2,0.2\n")));
  EXPECT_THAT(figures.back().caption, HasSubstr("random's diagonal is 5 of the dense one's before, 3 after"));
}

TEST_F(FiguresTest, EigenvaluesFall) {
  const std::vector<double> values = eigenvalues(at::tensor({2.0, 1.0, 1.0, 2.0}, at::kDouble).reshape({2, 2}));
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_NEAR(values[0], 3, 1e-12);
  EXPECT_NEAR(values[1], 1, 1e-12);
}

TEST_F(FiguresTest, ATrackWithoutATensorIsOneWarning) {
  add_all();
  TensorFile broken = track(1);
  broken.tensors.erase(broken.tensors.begin() + 2);
  const auto path = folder_of(job("train", "random", 0.25, 1)) / "track.safetensors";
  write_safetensors(path, broken);
  EXPECT_THAT(track_figures(comparison(), files_), IsEmpty());
  summarise(study_, files_);
  EXPECT_THAT(files_.warnings(), ElementsAre(AllOf(HasSubstr(path.string()), HasSubstr("kernel"))));
}

TEST_F(FiguresTest, ATrackOfAnotherShapeIsOneWarning) {
  add_trained("random", 0.25, 1, 0.5);
  TensorFile broken = track(1);
  broken.tensors[2].second = at::ones({3, kInputs, kInputs + 1});
  write_safetensors(folder_of(job("train", "random", 0.25, 1)) / "track.safetensors", broken);
  EXPECT_THAT(track_figures(comparison(), files_), IsEmpty());
  EXPECT_THAT(files_.warnings(), ElementsAre(HasSubstr("kernel [T, N, N]")));
}

TEST_F(FiguresTest, ABrokenFileLeavesTheOthers) {
  add_all();
  write(folder_of(job("train", "random", 0.25, 1)) / kMetricsFile, "no JSON\n");
  write(folder_of(job("train", "random", 0.25, 1)) / kNetworkFile, "no tensors");
  EXPECT_THAT(convergence_figures(comparison(), files_)[0].csv, HasSubstr("\nrandom,20,45,,,1\n"));
  EXPECT_THAT(cost_figures(comparisons_.front(), files_), SizeIs(1));
  EXPECT_THAT(files_.warnings(), SizeIs(2));
}

TEST_F(FiguresTest, TheSummaryHasARowAPointAndOnlyColumnsThatSaySomething) {
  add_all();
  add_tracks();
  const Summary summary = summarise(read_study(folder_), files_);
  EXPECT_THAT(summary.shared, ElementsAre(std::pair<std::string, std::string>("trained on", "small"),
                                          std::pair<std::string, std::string>("model", "net"),
                                          std::pair<std::string, std::string>("scope", "layer")));
  ASSERT_THAT(summary.rows, SizeIs(5));
  EXPECT_THAT(summary.rows[0],
              ElementsAre("1", "dense", "85.00 ± 127.06", "2", "72", "", "4.00 → 1.00", "1.50 s", "2.50 s"));
  EXPECT_THAT(summary.rows[1],
              ElementsAre("0.25", "ntt-exact", "35.00 ± 127.06", "2", "18", "2", "4.00 → 1.00", "1.50 s", "2.50 s"));
}

TEST_F(FiguresTest, TheSummaryTellsWhereEachNetworkWasFoundIfOneWasFoundElsewhere) {
  add_trained("random", 0.25, 1, 0.9);
  add_trained("snip", 0.25, 1, 0.8);
  Study study = read_study(folder_);
  study.runs.back().found_on = "other";
  const Summary summary = summarise(study, files_);
  ASSERT_EQ(summary.columns.at(0).title, "found on");
  ASSERT_THAT(summary.rows, SizeIs(2));
  EXPECT_THAT(summary.rows[0], ::testing::Contains("other"));
  EXPECT_THAT(summary.rows[1], ::testing::Contains("small"));
}

TEST(StyleTest, AMethodLooksTheSameEverywhereAndItsAblationsAlike) {
  EXPECT_EQ(style_of("snip").colour, style_of("snip, shuffle").colour);
  EXPECT_NE(style_of("snip").marker, style_of("snip, shuffle").marker);
  EXPECT_EQ(style_of("unheard of").colour, style_of("unheard of").colour);
  EXPECT_NE(style_of("unheard of").colour, style_of("dense").colour);
  EXPECT_TRUE(method_before("dense", "ntt-exact"));
  EXPECT_TRUE(method_before("ntk-sap", "a method of one's own"));
}

}  // namespace
}  // namespace ntt
