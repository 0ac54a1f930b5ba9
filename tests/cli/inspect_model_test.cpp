#include "ntt/io/read_file.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class InspectModelTest : public CliTest {
 protected:
  /// What stderr says of a refused command.
  std::string refusal(const Words& words) const {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
};

TEST_F(InspectModelTest, PrintsTheNodesOfAModel) {
  const std::string table = run_well({"inspect", "--model", "lenet-5-caffe"}).out;
  EXPECT_THAT(table, StartsWith("lenet-5-caffe for inputs of 1x28x28\n"));
  EXPECT_THAT(table, HasSubstr("\nconv2     conv2d             50x8x8      25,050      1,600,000         25,000\n"));
  EXPECT_THAT(table, EndsWith("\nall                                     431,080      2,293,000        430,500\n"));
}

TEST_F(InspectModelTest, TakesInputsAndClassesOfABuiltInModel) {
  const nlohmann::json record = run_json({"inspect", "--model", "resnet-20", "--input", "1x28x28", "--classes", "26"});
  EXPECT_EQ(record.at("input"), nlohmann::json({1, 28, 28}));
  const nlohmann::json& last = record.at("nodes").back();
  EXPECT_EQ(last.at("name"), "fc");
  EXPECT_EQ(last.at("output_shape"), nlohmann::json({26}));
  EXPECT_EQ(last.at("prunable"), 64 * 26);
  EXPECT_EQ(record.at("total").at("prunable"), 270896 - 2 * 16 * 9 + 64 * 16);
}

TEST_F(InspectModelTest, ReadsFiles) {
  const nlohmann::json record = run_json({"inspect", "--model", "small.toml"});
  EXPECT_EQ(record.at("model"), "small");
  EXPECT_EQ(record.at("total").at("parameters"), 16 * 12 + 12 + 12 * 2 + 2);
}

TEST_F(InspectModelTest, DrawsTheGraph) {
  run_well({"inspect", "--model", "small.toml", "--graph", "small.svg"});
  EXPECT_THAT(read(folder_ / "small.svg"), HasSubstr("</svg>"));
}

TEST_F(InspectModelTest, RefusesWhatItCannotDo) {
  EXPECT_THAT(refusal({"inspect"}), HasSubstr("takes one of a run folder or network file, --model and --operators"));
  EXPECT_THAT(refusal({"inspect", "--model", "resnet-21"}), HasSubstr("there is no model 'resnet-21'"));
  EXPECT_THAT(refusal({"inspect", "--model", "resnet-20", "--input", "3x32x"}),
              HasSubstr("--input is '3x32x', but must be the sides of an input, such as 3x32x32"));
  EXPECT_THAT(refusal({"inspect", "--model", "vit-tiny", "--input", "3x30x30"}),
              HasSubstr("its patches of 4x4 do not divide the image"));
  EXPECT_THAT(refusal({"inspect", "--model", "small.toml", "--classes", "3"}), HasSubstr("which has its own"));
  EXPECT_THAT(refusal({"inspect", "--model", "small.toml", "--graph", "small.png"}),
              HasSubstr("name a file that ends in .svg, not 'small.png'"));
}

TEST_F(InspectModelTest, PrintsTheTableOfTheDocumentation) {
  const std::string table = run_well({"inspect", "--operators"}).out;
  EXPECT_THAT(read_file(std::filesystem::path(NTT_SOURCE_DIR) / "docs" / "operators.md"), EndsWith(table))
      << "put `ntt inspect --operators` below the head of docs/operators.md";
}

}  // namespace
}  // namespace ntt
