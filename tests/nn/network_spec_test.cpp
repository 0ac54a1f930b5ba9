#include "ntt/nn/network_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Numbers = std::map<std::string, std::int64_t>;

void expect_same(const std::vector<LayerSpec>& actual, const std::vector<LayerSpec>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].type, expected[i].type);
    EXPECT_EQ(actual[i].name, expected[i].name);
    EXPECT_EQ(actual[i].numbers, expected[i].numbers);
    expect_same(actual[i].body, expected[i].body);
    expect_same(actual[i].shortcut, expected[i].shortcut);
  }
}

void expect_same(const NetworkSpec& actual, const NetworkSpec& expected) {
  EXPECT_EQ(actual.name, expected.name);
  EXPECT_EQ(actual.input, expected.input);
  expect_same(actual.layers, expected.layers);
}

TEST(NetworkSpec, ReadsEveryField) {
  const NetworkSpec spec = parse_network_toml(R"(
    name = "a net"
    input = [3, 8, 9]
    [[layer]]
    type = "conv2d"
    name = "stem"
    out_channels = 4
    kernel = 3
    padding = 1
    [[layer]]
    type = "residual"
    body = [{type = "conv2d", out_channels = 4, kernel = 1}, {type = "relu"}]
    shortcut = [{type = "tanh"}]
    [[layer]]
    type = "flatten")",
                                              "a.toml");
  EXPECT_EQ(spec.name, "a net");
  EXPECT_THAT(spec.input, ElementsAre(3, 8, 9));
  ASSERT_EQ(spec.layers.size(), 3);
  EXPECT_EQ(spec.layers[0].type, "conv2d");
  EXPECT_EQ(spec.layers[0].name, "stem");
  EXPECT_EQ(spec.layers[0].numbers, (Numbers{{"out_channels", 4}, {"kernel", 3}, {"padding", 1}}));
  ASSERT_EQ(spec.layers[1].body.size(), 2);
  EXPECT_EQ(spec.layers[1].body[0].numbers, (Numbers{{"out_channels", 4}, {"kernel", 1}}));
  EXPECT_EQ(spec.layers[1].body[1].type, "relu");
  ASSERT_EQ(spec.layers[1].shortcut.size(), 1);
  EXPECT_EQ(spec.layers[1].shortcut[0].type, "tanh");
  EXPECT_EQ(spec.layers[2].name, "");
}

TEST(NetworkSpec, ABatchIsSoManyInputs) {
  EXPECT_THAT((NetworkSpec{"", {3, 8, 9}, {}}.batch_shape(5)), ElementsAre(5, 3, 8, 9));
}

TEST(NetworkSpec, WithoutNameIsNamedAsItsFile) {
  EXPECT_EQ(parse_network_toml("input = [4]\n[[layer]]\ntype = \"relu\"", "nets/my-net.toml").name, "my-net");
}

TEST(NetworkSpec, SurvivesTheWayThroughToml) {
  std::vector<NetworkSpec> specs = testing_support::small_networks();
  specs.push_back(find_model("lenet-300-100", {1, 28, 28}, 10));
  specs.push_back(find_model("lenet-5-caffe", {1, 28, 28}, 10));
  specs.push_back(find_model("conv-4", {3, 32, 32}, 10));
  specs.push_back({"quotes \" ' \\ and\nlines, é", {2}, {{"linear", "a \"b\" [c]", {{"out_features", 1}}, {}, {}}}});
  for (const NetworkSpec& spec : specs) {
    SCOPED_TRACE(spec.name);
    const std::string text = to_toml(spec);
    expect_same(parse_network_toml(text, "elsewhere.toml"), spec);
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
    {"Empty", "", {"'input' must be [features] or [channels, height, width]"}},
    {"UnknownSetting", "inputs = [4]\n[[layer]]\ntype = \"relu\"", {"line 1", "no setting 'inputs'", "name, input"}},
    {"InputMissing", "[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputNoList", "input = 784\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
    {"InputOfTwo", "input = [28, 28]\n[[layer]]\ntype = \"relu\"", {"'input' must be"}},
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
    {"NumberIsText", with_layers("[[layer]]\ntype = \"linear\"\nout_features = \"10\""), {"line 4", "'out_features'"}},
    {"NumberIsFraction", with_layers("[[layer]]\ntype = \"linear\"\nout_features = 10.0"), {"line 4", "whole number"}},
    {"NumberIsBoolean", with_layers("[[layer]]\ntype = \"linear\"\nout_features = true"), {"line 4", "whole number"}},
    {"NumberIsList", with_layers("[[layer]]\ntype = \"conv2d\"\nkernel = [3, 3]"), {"line 4", "'kernel'"}},
    {"BodyNoList", with_layers("[[layer]]\ntype = \"residual\"\nbody = 3"), {"line 4", "'body'"}},
    {"BodyEmpty", with_layers("[[layer]]\ntype = \"residual\"\nbody = []"), {"line 4", "'body'"}},
    {"ShortcutOfNumbers", with_layers("[[layer]]\ntype = \"residual\"\nshortcut = [3]"), {"line 4", "'shortcut'"}},
    {"BodyWithoutType",
     with_layers("[[layer]]\ntype = \"residual\"\nbody = [{kernel = 3}]"),
     {"line 4", "needs a type"}},
};

TEST(NetworkSpec, EachFaultIsOneClearError) {
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

using NetworkSpecFileTest = TemporaryFolderTest;

constexpr const char* kNet = "input = [4]\n[[layer]]\ntype = \"linear\"\nout_features = 3\n";

TEST_F(NetworkSpecFileTest, IsRead) {
  const auto path = folder_ / "net.toml";
  write(path, kNet);
  const NetworkSpec spec = read_network_toml(path);
  EXPECT_EQ(spec.name, "net");
  EXPECT_THAT(spec.input, ElementsAre(4));
}

TEST_F(NetworkSpecFileTest, UnreadablePathsAreNamed) {
  EXPECT_EQ(message_of<InputError>([&] { read_network_toml(folder_ / "none.toml"); }),
            "cannot read the network file '" + (folder_ / "none.toml").string() + "'");
  std::filesystem::create_directory(folder_ / "folder.toml");
  EXPECT_EQ(message_of<InputError>([&] { read_network_toml(folder_ / "folder.toml"); }),
            "cannot read the network file '" + (folder_ / "folder.toml").string() + "'");
}

TEST_F(NetworkSpecFileTest, FaultsAreSaidWithTheFile) {
  const auto path = folder_ / "net.toml";
  write(path, "input = [4\n");
  EXPECT_THAT(message_of<InputError>([&] { read_network_toml(path); }), StartsWith(path.string() + ", line "));
  write(path, "");
  EXPECT_THAT(message_of<InputError>([&] { read_network_toml(path); }), StartsWith(path.string() + ": 'input'"));
}

TEST_F(NetworkSpecFileTest, AsAModelMustFitTheData) {
  const std::string model = (folder_ / "net.toml").string();
  write(model, kNet);
  EXPECT_EQ(find_model(model, {4}, 3).name, "net");
  EXPECT_THAT(message_of<InputError>([&] {
                find_model(model, {1, 2, 2}, 3);
              }),
              AllOf(HasSubstr(model), HasSubstr("inputs of 4"), HasSubstr("1x2x2")));
  EXPECT_THAT(message_of<InputError>([&] { find_model(model, {4}, 10); }),
              AllOf(HasSubstr(model), HasSubstr("3 outputs"), HasSubstr("10 classes")));
}

TEST(FindModel, NamesTheModelsItKnows) {
  EXPECT_EQ(message_of<InputError>([] {
              find_model("lenet-5", {1, 28, 28}, 10);
            }),
            "there is no model 'lenet-5'; known are lenet-300-100, lenet-5-caffe, conv-4 and files ending in .toml");
}

}  // namespace
}  // namespace ntt
