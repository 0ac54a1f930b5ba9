#include "ntt/nn/network_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/io/safetensors.h"
#include "ntt/models/network_toml.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class NetworkFileTest : public TemporaryFolderTest {
 protected:
  static Network masked(const char* name) {
    Network network = draw(small_network(name), 1, at::kFloat);
    mask_at_random(network, 0.4, 2);
    return network;
  }

  std::filesystem::path path() const { return folder_ / "network.safetensors"; }

  /// Writes a masked network, lets `change` spoil the file, and reads it: the message must start with the path.
  std::string message_after(const std::function<void(TensorFile&)>& change) {
    write_network(path(), masked("mlp"), {});
    TensorFile file = read_safetensors(path());
    change(file);
    write_safetensors(path(), file);
    const std::string message = message_of<InputError>([&] { read_network(path()); });
    EXPECT_THAT(message, StartsWith(path().string()));
    return message;
  }
};

at::Tensor& tensor_of(TensorFile& file, const std::string& name) {
  for (auto& [key, tensor] : file.tensors) {
    if (key == name) {
      return tensor;
    }
  }
  throw std::logic_error("no tensor " + name);
}

TEST_F(NetworkFileTest, RoundTripKeepsEveryNetwork) {
  for (const Graph& graph : small_networks()) {
    SCOPED_TRACE(graph.name);
    Network network = draw(graph, 1, at::kFloat);
    for (const bool with_masks : {false, true}) {
      if (with_masks) {
        mask_at_random(network, 0.4, 2);
      }
      write_network(path(), network, {{"seed", "17"}});
      const NetworkFile back = read_network(path());
      EXPECT_EQ(back.network.graph(), graph);
      EXPECT_EQ(back.metadata.at("seed"), "17");
      EXPECT_EQ(back.network.density(), network.density());
      ASSERT_EQ(back.network.all_parameters().size(), network.all_parameters().size());
      for (std::size_t i = 0; i < network.all_parameters().size(); ++i) {
        const Parameter& expected = *network.all_parameters()[i];
        const Parameter& actual = *back.network.all_parameters()[i];
        EXPECT_EQ(actual.name, expected.name);
        EXPECT_TRUE(at::equal(actual.effective, expected.effective)) << expected.name;
        EXPECT_EQ(actual.mask().defined(), expected.mask().defined());
        EXPECT_TRUE(!expected.pattern || at::equal(actual.mask(), expected.mask()));
      }
      const at::Tensor inputs = draw_inputs(graph, 3, 1, at::kFloat);
      EXPECT_TRUE(at::equal(back.network.predict(inputs), network.predict(inputs)));
    }
  }
}

TEST_F(NetworkFileTest, HoldsPyTorchsNamesAndShapesAndSaysWhatItIs) {
  Network network = draw(small_network("lenet"), 1, at::kDouble);
  network.parameters()[0]->set_mask(at::ones_like(network.parameters()[0]->value).triu());
  write_network(path(), network, {{"seed", "3"}, {"note", "a \"quoted\" one"}});
  const TensorFile file = read_safetensors(path());
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors) {
    names.push_back(name);
    EXPECT_EQ(tensor.scalar_type(), name == "conv1.weight_mask" ? at::kByte : at::kFloat) << name;
  }
  EXPECT_THAT(names, ElementsAre("conv1.weight", "conv1.weight_mask", "conv1.bias", "conv2.weight", "conv2.bias",
                                 "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"));
  EXPECT_EQ(file.at("conv2.weight").sizes(), (at::IntArrayRef{4, 3, 3, 3}));
  EXPECT_EQ(file.at("fc1.weight").sizes(), (at::IntArrayRef{6, 4}));
  EXPECT_EQ(file.metadata.at("format"), "pt");
  EXPECT_EQ(file.metadata.at("note"), "a \"quoted\" one");
  EXPECT_EQ(file.metadata.at("architecture"), to_toml(small_network("lenet")));
  EXPECT_EQ(std::stod(file.metadata.at("density")), network.density());
}

TEST_F(NetworkFileTest, PrunedEntriesAreExactlyZero) {
  Network network = masked("mlp");
  write_network(path(), network, {});
  const TensorFile file = read_safetensors(path());
  const at::Tensor pruned = file.at("fc1.weight").masked_select(file.at("fc1.weight_mask").eq(0));
  ASSERT_GT(pruned.numel(), 0);
  for (std::int64_t i = 0; i < pruned.numel(); ++i) {
    EXPECT_EQ(pruned[i].item<float>(), 0.0F);
    EXPECT_FALSE(std::signbit(pruned[i].item<float>())) << "-0 is not all bits zero";
  }
}

TEST_F(NetworkFileTest, IsFoundInItsRunFolder) {
  const Network network = masked("mlp");
  write_network(path(), network, {});
  EXPECT_TRUE(at::equal(read_network(folder_).network.parameters()[0]->effective, network.parameters()[0]->effective));
}

TEST_F(NetworkFileTest, MissingFilesAreNamed) {
  EXPECT_THAT(message_of<InputError>([&] { read_network(folder_); }), HasSubstr(path().string()));
  EXPECT_THAT(message_of<InputError>([&] { read_network(folder_ / "none"); }), HasSubstr((folder_ / "none").string()));
}

TEST_F(NetworkFileTest, TruncatedAtAnyPlaceIsAnError) {
  write_network(path(), masked("mlp"), {});
  const std::string bytes = read(path());
  for (std::size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 50) {
    write(path(), std::string_view(bytes).substr(0, length));
    EXPECT_THAT(message_of<InputError>([&] { read_network(path()); }), StartsWith(path().string()));
  }
}

TEST_F(NetworkFileTest, ForeignFilesAreRefused) {
  write(path(), "PK\x03\x04 something else altogether");
  EXPECT_THAT(message_of<InputError>([&] { read_network(path()); }), StartsWith(path().string()));
  EXPECT_THAT(message_after([](TensorFile& file) { file.metadata.erase("architecture"); }),
              HasSubstr("was not written by ntt"));
  EXPECT_THAT(message_after([](TensorFile& file) { file.metadata["architecture"] = "input = ["; }),
              HasSubstr("line 1"));
  EXPECT_THAT(message_after([](TensorFile& file) {
                file.metadata["architecture"] = "name = 'n'\ninput = [6]\n[[layer]]\ntype = 'linear'";
              }),
              HasSubstr("needs 'out_features'"));
}

TEST_F(NetworkFileTest, TensorsThatDoNotFitAreNamed) {
  EXPECT_THAT(message_after([](TensorFile& file) { file.tensors.erase(file.tensors.begin()); }),
              HasSubstr("no tensor named 'fc1.weight'"));
  EXPECT_THAT(message_after([](TensorFile& file) {
                tensor_of(file, "fc2.weight") = at::zeros({5, 8});
              }),
              AllOf(HasSubstr("'fc2.weight' must be Float, Half or BFloat16 of shape 5x7"), HasSubstr("of shape 5x8")));
  EXPECT_THAT(message_after([](TensorFile& file) {
                tensor_of(file, "fc2.weight") = at::zeros({7, 5});
              }),
              HasSubstr("of shape 7x5"));
  EXPECT_THAT(message_after([](TensorFile& file) { tensor_of(file, "fc1.bias") = at::zeros({7}, at::kDouble); }),
              AllOf(HasSubstr("'fc1.bias' must be Float"), HasSubstr("is Double")));
  EXPECT_THAT(message_after([](TensorFile& file) {
                tensor_of(file, "fc1.weight_mask") = at::ones({7, 6});
              }),
              HasSubstr("'fc1.weight_mask' must be Byte"));
  EXPECT_THAT(message_after([](TensorFile& file) { tensor_of(file, "fc1.weight_mask") = at::ones({6}, at::kByte); }),
              HasSubstr("'fc1.weight_mask' must be Byte of shape 7x6"));
}

TEST_F(NetworkFileTest, ValuesThatMakeNoSenseAreNamed) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(message_after([&](TensorFile& file) { tensor_of(file, "fc2.bias")[1] = value; }),
                HasSubstr("'fc2.bias' holds a NaN or an infinity"));
  }
  EXPECT_THAT(message_after([](TensorFile& file) { tensor_of(file, "fc1.weight_mask")[0][0] = 2; }),
              HasSubstr("'fc1.weight_mask' must hold 0 and 1 only"));
}

TEST_F(NetworkFileTest, AWeightOutsideItsMaskIsRefused) {
  // Other readers would take it for part of the network.
  EXPECT_THAT(message_after([](TensorFile& file) {
                tensor_of(file, "fc1.weight").fill_(1);
                tensor_of(file, "fc1.weight_mask")[2][3] = 0;
              }),
              AllOf(HasSubstr("'fc1.weight'"), HasSubstr("'fc1.weight_mask'")));
}

TEST_F(NetworkFileTest, AMaskOfABiasIsRefused) {
  EXPECT_THAT(
      message_after([](TensorFile& file) { file.tensors.emplace_back("fc1.bias_mask", at::ones({7}, at::kByte)); }),
      HasSubstr("'fc1.bias_mask'"));
}

}  // namespace
}  // namespace ntt
