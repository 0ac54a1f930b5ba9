#include "ntt/models/graph_drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "ntt/core/error.h"
#include "ntt/models/network_toml.h"
#include "ntt/models/zoo.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(GraphDrawing, GivesChainsOneBoxAndSumsTheirOwn) {
  const std::string dot = to_dot(parse_network_toml(R"(
      name = "residual"
      input = [4]
      [[layer]]
      type = "linear"
      out_features = 4
      [[layer]]
      type = "relu"
      [[layer]]
      type = "add"
      inputs = ["relu1", "input"]
      )",
                                                    "net.toml"));
  EXPECT_THAT(dot, HasSubstr("n0 [label"));
  EXPECT_THAT(dot, Not(HasSubstr("n1 [label"))) << "the ReLU belongs to the linear layer's box";
  EXPECT_THAT(dot, HasSubstr("  input -> n0\n  n0 -> n2\n  input -> n2\n"));
  EXPECT_THAT(dot, HasSubstr("<b>residual</b><br/>20 parameters, of which 16 weights can be pruned"));
}

TEST(GraphDrawing, ColoursNodesWithWeights) {
  const std::string dot = to_dot(zoo_model("lenet-300-100", {1, 28, 28}, 10));
  EXPECT_THAT(dot, HasSubstr("<td align=\"left\" bgcolor=\"#cfe2f3\"><b>fc1</b></td>"));
  EXPECT_THAT(dot, HasSubstr("<td align=\"left\"><b>relu1</b></td>"));
}

TEST(GraphDrawing, WritesNamesAsTheyAre) {
  const std::string dot = to_dot(parse_network_toml(
      "input = [4]\nlayer = [{type = 'linear', out_features = 2, name = 'a<b>&\"c\"'}]", "net.toml"));
  EXPECT_THAT(dot, HasSubstr("<b>a&lt;b&gt;&amp;&quot;c&quot;</b>"));
}

TEST(GraphDrawing, IsSvg) {
  const std::string svg = draw_svg(zoo_model("resnet-20", {3, 32, 32}, 10));
  EXPECT_THAT(svg, StartsWith("<?xml"));
  EXPECT_THAT(svg, HasSubstr("layer2.0.downsample.0"));
}

TEST(GraphDrawing, SaysHowToInstallGraphviz) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  EXPECT_THROW(
      {
        try {
          draw_svg(zoo_model("lenet-300-100", {1, 28, 28}, 10));
        } catch (const RunError& error) {
          EXPECT_STREQ(error.what(), "graphs are drawn by Graphviz, which is not installed: apt-get install graphviz");
          throw;
        }
      },
      RunError);
  setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace ntt
