#include "ntt/page/report.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include "ntt/core/error.h"
#include "ntt/page/gnuplot.h"
#include "tests/page/experiment.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// PATH without gnuplot, for as long as it lives.
class WithoutPrograms {
 public:
  WithoutPrograms() : path_(getenv("PATH")) { setenv("PATH", "/nowhere", 1); }
  ~WithoutPrograms() { setenv("PATH", path_.c_str(), 1); }

 private:
  std::string path_;
};

class ReportTest : public ExperimentFolderTest {
 protected:
  ReportResult report() const { return write_report(folder_, folder_ / "report"); }
  std::string page() const { return read(folder_ / "report" / "index.html"); }
};

TEST_F(ReportTest, WritesThePageAndEachFigureThrice) {
  add_trained("random", 0.25, 1, 0.5);
  const ReportResult result = report();
  EXPECT_EQ(result.page, folder_ / "report" / "index.html");
  EXPECT_THAT(result.figures,
              ElementsAre("accuracy-small-net-layer", "cost-small-net-layer", "convergence-small-net-layer-0.25",
                          "training-kernel-alignment-cosine-small-net-layer", "mask-pixels-small-net-layer",
                          "mask-fields-small-net-layer", "mask-layers-small-net-layer"));
  for (const std::string& id : result.figures) {
    EXPECT_THAT(page(), HasSubstr("<figure id=\"" + id + "\">"));
    EXPECT_THAT(read(folder_ / "report" / (id + ".svg")), StartsWith("<?xml"));
    EXPECT_THAT(read(folder_ / "report" / (id + ".pdf")), StartsWith("%PDF"));
    EXPECT_THAT(read(folder_ / "report" / (id + ".csv")), HasSubstr("random,"));
  }
}

TEST_F(ReportTest, TheSameRunsGiveTheSamePage) {
  add_trained("random", 0.25, 1, 0.5);
  report();
  const std::string first = page();
  report();
  EXPECT_EQ(page(), first);
}

TEST_F(ReportTest, FailedAndUnfinishedJobsAreListed) {
  add_trained("random", 0.25, 1, 0.5);
  const Job failed = job("find", "snip", 0.25, 1);
  store().add({failed, job("find", "grasp", 0.25, 1)});
  store().fail(failed.name, 1, "no <memory> & no disk");
  report();
  EXPECT_THAT(page(), AllOf(HasSubstr("<td>find/small-net-snip-0.25-layer-1</td><td class=\"bad\">failed</td>"
                                      "<td>no &lt;memory&gt; &amp; no disk</td>"),
                            HasSubstr("<td>find/small-net-grasp-0.25-layer-1</td><td class=\"bad\">unfinished</td>"),
                            HasSubstr("1 done, 1 failed, 1 unfinished")));
}

TEST_F(ReportTest, NamesThatLookLikeCodeDoNothing) {
  Job odd = job("train", "<script>alert(1)</script>'`date`'", 0.25, 1);
  odd.data = "it's \"<b>\" `date`";
  store().add({odd});
  store().finish(odd.name, 1, {{"figures", {{"test_accuracy", 0.5}}}});
  EXPECT_THAT(report().figures, ElementsAre("accuracy-it-s-b-date-net-layer"));
  EXPECT_THAT(page(), AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<b>")), HasSubstr("&lt;script&gt;")));
}

TEST_F(ReportTest, WithoutGnuplotItSaysHowToInstallIt) {
  add_trained("random", 0.25, 1, 0.5);
  const WithoutPrograms without;
  EXPECT_THAT(message_of<RunError>([&] { report(); }), HasSubstr("apt-get install gnuplot-nox"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "report"));
}

TEST_F(ReportTest, GnuplotsWordsAreTold) {
  Figure figure;
  figure.id = "broken";
  figure.script = "plot nonsense(x)\n";
  EXPECT_THAT(message_of<RunError>([&] { run_gnuplot(figure); }),
              AllOf(HasSubstr("could not draw the figure broken"), HasSubstr("undefined function")));
}

}  // namespace
}  // namespace ntt
