#include "ntt/models/network_toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/models/graph_builder.h"
#include "ntt/models/zoo.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(NetworkToml, ReadsEveryField) {
  const Graph graph = parse_network_toml(R"(
    name = "a net"
    input = [3, 8, 9]
    [[layer]]
    type = "conv2d"
    name = "stem"
    out_channels = 4
    kernel = [3, 2]
    padding = 1
    bias = false
    [[layer]]
    type = "residual"
    body = [{type = "conv2d", out_channels = 4, kernel = 1}, {type = "relu"}]
    shortcut = [{type = "tanh"}]
    [[layer]]
    type = "gelu"
    approximation = "tanh"
    [[layer]]
    type = "leaky-relu"
    slope = 0.2
    [[layer]]
    type = "flatten")",
                                         "a.toml");
  EXPECT_EQ(graph.name, "a net");
  EXPECT_THAT(graph.input_shape(), ElementsAre(3, 8, 9));
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) {
    names.push_back(node.type + " " + node.name);
  }
  EXPECT_THAT(names, ElementsAre("conv2d stem", "conv2d block1.body.conv1", "relu block1.body.relu1",
                                 "tanh block1.shortcut.tanh1", "add block1", "gelu gelu1", "leaky-relu leaky-relu1",
                                 "flatten flatten1"));
  EXPECT_EQ(
      graph.nodes[0].attributes,
      (Attributes{{"out_channels", 4}, {"kernel", std::vector<std::int64_t>{3, 2}}, {"padding", 1}, {"bias", false}}));
  EXPECT_EQ(graph.nodes[5].attributes, (Attributes{{"approximation", "tanh"}}));
  EXPECT_EQ(graph.nodes[6].attributes, (Attributes{{"slope", 0.2}}));
  EXPECT_THAT(graph.nodes[4].inputs, ElementsAre(graph.nodes[2].output, graph.nodes[3].output));
  EXPECT_EQ(graph.nodes[3].inputs, graph.nodes[1].inputs);
}

TEST(NetworkToml, LayersNameTheirInputsAndShareParameters) {
  const Graph graph = parse_network_toml(R"(
    input = [3]
    layer = [
      {type = "linear", out_features = 3, name = "a"},
      {type = "tanh"},
      {type = "linear", out_features = 3, weight = "a.weight", bias = "other"},
      {type = "parameter", name = "p", shape = [3]},
      {type = "concat", inputs = ["a", "p", "input"]},
      {type = "linear", out_features = 3, weight = "w", bias = false}])",
                                         "a.toml");
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : graph.parameters) {
    names.push_back(parameter.name);
  }
  EXPECT_THAT(names, ElementsAre("a.weight", "a.bias", "p.value", "w"))
      << "the layer that nothing reads is left out, and its bias";
}

TEST(NetworkToml, ABatchIsSoManyInputs) {
  EXPECT_THAT(GraphBuilder("", {3, 8, 9}).finish(GraphBuilder::kInput).batch_shape(5), ElementsAre(5, 3, 8, 9));
}

TEST(NetworkToml, WithoutNameIsNamedAsItsFile) {
  EXPECT_EQ(parse_network_toml("input = [4]\n[[layer]]\ntype = \"relu\"", "nets/my-net.toml").name, "my-net");
}

TEST(NetworkToml, SurvivesTheWayThroughToml) {
  std::vector<Graph> graphs = testing_support::small_networks();
  for (const std::string& model : zoo_models()) {
    graphs.push_back(zoo_model(model, published_input(model), 10));
  }
  GraphBuilder odd("quotes \" ' \\ and\nlines, é", {2});
  graphs.push_back(odd.finish(
      odd.add({"linear", "a \"b\" [c]", {{"out_features", 1}}, {GraphBuilder::kInput}, {{"weight", "one = 'w'"}}})));
  for (const Graph& graph : graphs) {
    SCOPED_TRACE(graph.name);
    const std::string text = to_toml(graph);
    EXPECT_EQ(parse_network_toml(text, "elsewhere.toml"), graph);
    EXPECT_EQ(to_toml(parse_network_toml(text, "elsewhere.toml")), text);
  }
}

struct Broken {
  const char* name;
  std::string text;
  std::vector<const char*> parts;  ///< of the message
};

std::string with_layers(const std::string& layers) {
  return "input = [1, 28, 28]\n" + layers;
}

const std::vector<Broken> kBroken{
    {"NoToml", "input = [4\nname", {"line 2"}},
    {"DuplicateKey", "input = [4]\ninput = [5]", {"line 2"}},
    {"Empty", "", {"'input' must be [features], [channels, length] or [channels, height, width]"}},
    {"UnknownSetting", "inputs = [4]\n[[layer]]\ntype = \"relu\"", {"line 1", "no setting 'inputs'", "name, input"}},
    {"InputMissing", "[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputNoList", "input = 784\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputOfFour", "input = [1, 2, 3, 4]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputEmpty", "input = []\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputZero", "input = [1, 0, 28]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputNegative", "input = [-4]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputFraction", "input = [1, 28.0, 28]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputText", "input = [\"4\"]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputHuge", "input = [9223372036854775807]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"NameNoText", "name = 3\ninput = [4]\n[[layer]]\ntype = \"relu\"", {"line 1", "'name' must be a string"}},
    {"NoLayers", "input = [4]", {"no [[layer]] tables"}},
    {"LayersEmpty", "input = [4]\nlayer = []", {"line 2", "[[layer]] tables"}},
    {"LayerNoTable", "input = [4]\nlayer = [\"relu\"]", {"line 2", "[[layer]] tables"}},
    {"LayerOneTable", "input = [4]\n[layer]\ntype = \"relu\"", {"line 2", "[[layer]] tables"}},
    {"TypeMissing", with_layers("[[layer]]\ntype = \"relu\"\n[[layer]]\nkernel = 3"), {"line 4", "needs a type"}},
    {"TypeEmpty", with_layers("[[layer]]\ntype = \"\""), {"line 2", "needs a type"}},
    {"TypeNoText", with_layers("[[layer]]\ntype = 3"), {"line 3", "'type' must be a string"}},
    {"LayerNameNoText", with_layers("[[layer]]\ntype = \"relu\"\nname = 3"), {"line 4", "'name' must be a string"}},
    {"NumberIsText",
     with_layers("[[layer]]\ntype = \"flatten\"\n[[layer]]\ntype = \"linear\"\nout_features = \"10\""),
     {"layer 2 (linear 'fc1')", "'out_features' must be a whole number"}},
    {"NumberIsFraction",
     with_layers("[[layer]]\ntype = \"flatten\"\n[[layer]]\ntype = \"linear\"\nout_features = 10.0"),
     {"layer 2 (linear 'fc1')", "'out_features' must be a whole number"}},
    {"NumberIsBoolean",
     with_layers("[[layer]]\ntype = \"flatten\"\n[[layer]]\ntype = \"linear\"\nout_features = true"),
     {"layer 2 (linear 'fc1')", "'out_features' must be a whole number"}},
    {"NumbersAreText", with_layers("[[layer]]\ntype = \"conv2d\"\nkernel = [\"3\", 3]"), {"line 4", "'kernel'"}},
    {"NumbersAreATable", with_layers("[[layer]]\ntype = \"conv2d\"\nkernel = {size = 3}"), {"line 4", "'kernel'"}},
    {"NumberIsAList",
     with_layers("[[layer]]\ntype = \"flatten\"\n[[layer]]\ntype = \"linear\"\nout_features = [3, 3]"),
     {"layer 2 (linear 'fc1')", "'out_features' has 2 numbers"}},
    {"InputsNoList",
     with_layers("[[layer]]\ntype = \"relu\"\ninputs = \"input\""),
     {"layer 1", "'inputs' must be a list"}},
    {"InputsUnknown",
     with_layers("[[layer]]\ntype = \"relu\"\ninputs = [\"later\"]\n[[layer]]\ntype = \"relu\"\nname = \"later\""),
     {"layer 1 (relu 'relu1')", "'inputs' names 'later', but no layer before it"}},
    {"InputsOfNumbers", with_layers("[[layer]]\ntype = \"relu\"\ninputs = [3]"), {"layer 1", "'inputs' names"}},
    {"BodyNoList", with_layers("[[layer]]\ntype = \"residual\"\nbody = 3"), {"line 4", "'body'"}},
    {"BodyEmpty",
     with_layers("[[layer]]\ntype = \"residual\"\nbody = []"),
     {"layer 1 (residual 'block1')", "needs a body"}},
    {"ShortcutOfNumbers",
     with_layers("[[layer]]\ntype = \"residual\"\nshortcut = [3]\nbody = [{type = \"relu\"}]"),
     {"line 4", "'shortcut'"}},
    {"BodyWithoutType",
     with_layers("[[layer]]\ntype = \"residual\"\nbody = [{kernel = 3}]"),
     {"line 4", "needs a type"}},
};

TEST(NetworkToml, EachFaultIsOneClearError) {
  for (const Broken& broken : kBroken) {
    SCOPED_TRACE(broken.name);
    const std::string message = message_of<InputError>([&] { parse_network_toml(broken.text, "net.toml"); });
    EXPECT_THAT(message, StartsWith("net.toml"));
    EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
    for (const char* part : broken.parts) {
      EXPECT_THAT(message, HasSubstr(part));
    }
  }
}

using NetworkTomlFileTest = TemporaryFolderTest;

constexpr const char* kNet = "input = [4]\n[[layer]]\ntype = \"linear\"\nout_features = 3\n";

TEST_F(NetworkTomlFileTest, IsRead) {
  const auto path = folder_ / "net.toml";
  write(path, kNet);
  const Graph graph = read_network_toml(path);
  EXPECT_EQ(graph.name, "net");
  EXPECT_THAT(graph.input_shape(), ElementsAre(4));
}

TEST_F(NetworkTomlFileTest, UnreadablePathsAreNamed) {
  EXPECT_EQ(message_of<InputError>([&] { read_network_toml(folder_ / "none.toml"); }),
            "cannot read the network file '" + (folder_ / "none.toml").string() + "'");
  std::filesystem::create_directory(folder_ / "folder.toml");
  EXPECT_EQ(message_of<InputError>([&] { read_network_toml(folder_ / "folder.toml"); }),
            "cannot read the network file '" + (folder_ / "folder.toml").string() + "'");
}

TEST_F(NetworkTomlFileTest, FaultsAreSaidWithTheFile) {
  const auto path = folder_ / "net.toml";
  write(path, "input = [4\n");
  EXPECT_THAT(message_of<InputError>([&] { read_network_toml(path); }), StartsWith(path.string() + ", line "));
  write(path, "");
  EXPECT_THAT(message_of<InputError>([&] { read_network_toml(path); }), StartsWith(path.string() + ": 'input'"));
}

}  // namespace
}  // namespace ntt
