#include "tests/cli/cli_test.h"
#include "tests/data/http_server.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class DataCommandTest : public CliTest {
 protected:
  std::string failure(const Words& words, int code) const {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("error: "));
    return outcome.err;
  }
};

TEST_F(DataCommandTest, ListSaysWhatIsHere) {
  std::filesystem::create_directories(folder_ / "data" / "svhn");
  write(folder_ / "data" / "svhn" / "test_32x32.mat", "x");
  EXPECT_THAT(run_well({"data", "list"}).out,
              AllOf(ContainsRegex("mnist +not there +.*/data/mnist\n"), ContainsRegex("svhn +1 of 2 files"),
                    ContainsRegex("glyphs +built in")));
}

TEST_F(DataCommandTest, InfoTellsShapesStatisticsAndClasses) {
  EXPECT_THAT(run_well({"data", "info", "small"}).out,
              AllOf(ContainsRegex("training +uint8 \\[600, 1, 4, 4\\]"), ContainsRegex("classes +2\n"),
                    ContainsRegex("mean +0\\.[0-9]+\n"), ContainsRegex("\n1 +- +300 +50\n")));
  EXPECT_THAT(run_well({"data", "info", "glyphs"}).out, ContainsRegex("\n3 +hourglass +1000 +200\n"));
  EXPECT_THAT(failure({"data", "info", "none"}, 2), HasSubstr("no data set 'none'"));
}

TEST_F(DataCommandTest, VerifySaysNoByItsExitCode) {
  EXPECT_THAT(run_well({"data", "verify", "small"}).out, HasSubstr("small: OK"));
  const std::filesystem::path path = folder_ / "small" / "train-images.npy";
  write(path, read(path).substr(0, 500));
  EXPECT_THAT(failure({"data", "verify", "small"}, 1), HasSubstr("train-images.npy"));
  EXPECT_THAT(failure({"data", "verify", "mnist"}, 1), HasSubstr("ntt data fetch mnist"));
}

TEST_F(DataCommandTest, AFetchThatIsRefusedLeavesNothing) {
  const HttpServer server({});
  EXPECT_THAT(failure({"data", "fetch", "mnist", "--mirror", server.url("/mirror")}, 1),
              HasSubstr("/mirror/train-images-idx3-ubyte.gz: the server answers 404"));
  EXPECT_TRUE(files_in("data/mnist").empty());
  EXPECT_THAT(failure({"data", "fetch", "glyphs"}, 2), HasSubstr("'glyphs' cannot be fetched"));
}

}  // namespace
}  // namespace ntt
