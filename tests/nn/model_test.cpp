#include "ntt/nn/model.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/models/network_toml.h"
#include "ntt/models/zoo.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

using ModelTest = TemporaryFolderTest;

constexpr const char* kNet = "input = [4]\n[[layer]]\ntype = \"linear\"\nout_features = 3\n";

TEST_F(ModelTest, AsAModelMustFitTheData) {
  const std::string model = (folder_ / "net.toml").string();
  write(model, kNet);
  EXPECT_EQ(find_model(model, {4}, 3).graph.name, "net");
  EXPECT_THAT(message_of<InputError>([&] {
                find_model(model, {1, 2, 2}, 3);
              }),
              AllOf(HasSubstr(model), HasSubstr("inputs of 4"), HasSubstr("1x2x2")));
  EXPECT_THAT(message_of<InputError>([&] { find_model(model, {4}, 10); }),
              AllOf(HasSubstr(model), HasSubstr("3 outputs"), HasSubstr("10 classes")));
}

TEST(FindModel, NamesTheModelsItKnows) {
  const std::string message = message_of<InputError>([] { find_model("lenet-5", {1, 28, 28}, 10); });
  EXPECT_THAT(message, StartsWith("there is no model 'lenet-5'; known are lenet-300-100, lenet-5-caffe, conv-4, "));
  EXPECT_THAT(message, EndsWith(" and files ending in .toml or .onnx"));
  EXPECT_THAT(message, HasSubstr(fmt::format("{}", fmt::join(zoo_models(), ", "))));
}

/// A batch norm's statistics and scale beside a weight and a constant.
Model model_with_values() {
  Model model{
      parse_network_toml("input = [3]\nlayer = [{type = 'batch-norm'}, {type = 'parameter', shape = [3], role = "
                         "'constant'}, {type = 'mul', inputs = ['bn1', 'parameter1']}, "
                         "{type = 'linear', out_features = 2}]",
                         "test"),
      {},
      {}};
  float value = 2;
  for (const ParameterSpec& parameter : model.graph.parameters) {
    model.values[parameter.name] = at::full(parameter.shape, value++);
  }
  return model;
}

TEST(MakeNetwork, TakesTheFilesWeightsWhereAsked) {
  const Model model = model_with_values();
  const Network network = make_network(model, {true, Initialisation::glorot}, 1, at::kDouble);
  for (const auto& parameter : network.all_parameters()) {
    EXPECT_TRUE(at::equal(parameter->effective, model.values.at(parameter->name).to(at::kDouble))) << parameter->name;
  }
}

TEST(MakeNetwork, DrawsAllButConstants) {
  const Model model = model_with_values();
  const Network network = make_network(model, {}, 1);
  const Network drawn = Network::random(model.graph, 1, "teacher", at::kFloat, Initialisation::he);  // batch norm's
  for (std::size_t i = 0; i < drawn.all_parameters().size(); ++i) {
    const Parameter& parameter = *network.all_parameters()[i];
    const at::Tensor expected =
        parameter.role == Role::constant ? model.values.at(parameter.name) : drawn.all_parameters()[i]->value;
    EXPECT_TRUE(at::equal(parameter.effective, expected)) << parameter.name;
  }
}

TEST(MakeNetwork, SaysThatThereAreNoWeightsToStartFrom) {
  Model model = model_with_values();
  model.values.clear();
  EXPECT_THAT(message_of<InputError>([&] {
                make_network(model, {true, Initialisation::glorot}, 1);
              }),
              HasSubstr("has no weights of its own"));
  EXPECT_THAT(message_of<InputError>([&] {
                make_network(model, {false, Initialisation::as_given}, 1);
              }),
              HasSubstr("has no weights of its own"));
}

}  // namespace
}  // namespace ntt
