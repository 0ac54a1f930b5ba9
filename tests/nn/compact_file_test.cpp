#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "ntt/core/error.h"
#include "ntt/io/safetensors.h"
#include "ntt/models/zoo.h"
#include "ntt/nn/network_file.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class CompactFileTest : public TemporaryFolderTest {
 protected:
  static constexpr NetworkForm kCompact{true, at::kFloat};

  std::filesystem::path path() const { return folder_ / "network.safetensors"; }

  /// A network of one weight [2, 3] that keeps entries 1 and 5, in compact form.
  TensorFile by_hand() const {
    TensorFile file;
    file.tensors = {{"fc1.weight_values", at::tensor({0.5F, -2.F})},
                    {"fc1.weight_places", at::tensor({1, 3}, at::kInt).to(at::kByte)},
                    {"fc1.bias", at::tensor({7.F, 8.F})}};
    file.metadata = {{"architecture", "name = 'hand'\ninput = [3]\n[[layer]]\ntype = 'linear'\nout_features = 2\n"},
                     {"compact", R"({"version":1,"weights":{"fc1.weight":{"places":"gaps8","shape":[2,3]}}})"}};
    return file;
  }

  /// Spoils the file by hand and reads it: the message must start with the path.
  std::string message_after(const std::function<void(TensorFile&)>& change) const {
    TensorFile file = by_hand();
    change(file);
    write_safetensors(path(), file);
    const std::string message = message_of<InputError>([&] { read_network(path()); });
    EXPECT_THAT(message, StartsWith(path().string()));
    return message;
  }
};

TEST_F(CompactFileTest, RoundTripKeepsEveryNetworkToTheBit) {
  for (const Graph& graph : small_networks()) {
    for (const double density : {0.0, 0.05, 0.4, 1.0}) {
      SCOPED_TRACE(graph.name);
      Network network = draw(graph, 1, at::kFloat);
      mask_at_random(network, density, 2);
      write_network(path(), network, {{"seed", "17"}}, kCompact);
      const NetworkFile back = read_network(path());
      EXPECT_EQ(back.network.graph(), graph);
      EXPECT_EQ(back.metadata.at("seed"), "17");
      EXPECT_EQ(back.network.density(), network.density());
      for (std::size_t i = 0; i < network.all_parameters().size(); ++i) {
        const Parameter& expected = *network.all_parameters()[i];
        const Parameter& actual = *back.network.all_parameters()[i];
        EXPECT_TRUE(at::equal(actual.effective, expected.effective)) << expected.name;
        EXPECT_TRUE(!expected.pattern || at::equal(actual.mask(), expected.mask())) << expected.name;
      }
    }
  }
}

TEST_F(CompactFileTest, ComesBackAsTheSameDenseFile) {
  Network network = draw(small_network("lenet"), 1, at::kFloat);
  mask_at_random(network, 0.2, 2);
  write_network(path(), network, {});
  const std::string dense = read(path());
  write_network(folder_ / "compact", read_network(path()).network, {}, kCompact);
  write_network(path(), read_network(folder_ / "compact").network, {});
  EXPECT_EQ(read(path()), dense);
}

TEST_F(CompactFileTest, AtThreePerCentTakesLessThanSixPerCentOfTheDenseFile) {
  for (const char* model : {"lenet-300-100", "conv-4"}) {
    Network network = Network::random(zoo_model(model, published_input(model), 10), 1);
    write_network(path(), network, {});
    const auto dense = static_cast<double>(std::filesystem::file_size(path()));
    mask_at_random(network, 0.03, 1);
    for (const auto& [weights, most] : {std::pair(at::kFloat, 0.045), std::pair(at::kHalf, 0.03)}) {
      write_network(path(), network, {}, {true, weights});
      EXPECT_LT(static_cast<double>(std::filesystem::file_size(path())), most * dense) << model;
    }
  }
}

TEST_F(CompactFileTest, AFileMadeByHandIsRead) {
  write_safetensors(path(), by_hand());
  const NetworkFile file = read_network(path());
  EXPECT_TRUE(
      at::equal(file.network.parameters()[0]->effective, at::tensor({0.F, 0.5F, 0.F, 0.F, 0.F, -2.F}).view({2, 3})));
  EXPECT_TRUE(at::equal(file.network.parameters()[0]->mask(), at::tensor({0.F, 1.F, 0.F, 0.F, 0.F, 1.F}).view({2, 3})));
  EXPECT_TRUE(at::equal(file.network.parameters()[1]->effective, at::tensor({7.F, 8.F})));
}

TEST_F(CompactFileTest, AKeptZeroStaysKept) {
  TensorFile file = by_hand();
  file.tensors[0].second.zero_();
  write_safetensors(path(), file);
  EXPECT_EQ(read_network(path()).network.parameters()[0]->kept(), 2);
}

TEST_F(CompactFileTest, ValuesOfHalfTheSizeAreThoseRounded) {
  Network network = draw(small_network("lenet"), 1, at::kFloat);
  mask_at_random(network, 0.3, 2);
  network.parameters()[0]->set_mask({});
  for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
    for (const bool compact : {false, true}) {
      write_network(path(), network, {}, {compact, dtype});
      const NetworkFile back = read_network(path());
      for (std::size_t i = 0; i < network.parameters().size(); ++i) {
        const Parameter& expected = *network.parameters()[i];
        const at::Tensor rounded = expected.prunable ? expected.effective.to(dtype).to(at::kFloat) : expected.effective;
        EXPECT_TRUE(at::equal(back.network.parameters()[i]->effective, rounded)) << expected.name;
      }
      EXPECT_EQ(back.network.density(), network.density());
    }
  }
}

TEST_F(CompactFileTest, AValueTooLargeForItsTypeIsRefused) {
  Network network = draw(small_network("mlp"), 1, at::kFloat);
  mask_at_random(network, 1, 2);
  network.parameters()[0]->value.fill_(1e6);
  network.parameters()[0]->refresh();
  EXPECT_THAT(message_of<InputError>([&] {
                write_network(path(), network, {}, {true, at::kHalf});
              }),
              AllOf(HasSubstr("'fc1.weight'"), HasSubstr("1e+06"), HasSubstr("Half")));
  EXPECT_EQ(files(), 0U);
}

TEST_F(CompactFileTest, PlacesAndValuesThatDoNotFitAreNamed) {
  EXPECT_THAT(message_after([](TensorFile& file) { file.tensors[1].second[1] = 4; }),
              HasSubstr("'fc1.weight_places' names entry 6, but the weight has 6"));
  EXPECT_THAT(message_after([](TensorFile& file) { file.tensors[1].second = at::ones({1}, at::kByte); }),
              HasSubstr("'fc1.weight_values' holds 2 values for the 1 kept entries of 'fc1.weight_places'"));
  EXPECT_THAT(message_after([](TensorFile& file) { file.tensors[0].second = at::ones({2}, at::kDouble); }),
              AllOf(HasSubstr("'fc1.weight_values' must be Float, Half or BFloat16"), HasSubstr("is Double")));
  EXPECT_THAT(message_after([](TensorFile& file) {
                file.tensors[0].second = at::ones({2, 1});
              }),
              HasSubstr("'fc1.weight_values' must be Float, Half or BFloat16 of shape 2, but is Float of shape 2x1"));
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(message_after([&](TensorFile& file) { file.tensors[0].second[1] = value; }),
                HasSubstr("'fc1.weight_values' holds a NaN or an infinity"));
  }
}

TEST_F(CompactFileTest, AMissingHalfIsNamed) {
  EXPECT_THAT(message_after([](TensorFile& file) { file.tensors.erase(file.tensors.begin()); }),
              HasSubstr("no tensor named 'fc1.weight_values'"));
  EXPECT_THAT(message_after([](TensorFile& file) { file.tensors.erase(file.tensors.begin() + 1); }),
              HasSubstr("no tensor named 'fc1.weight_places'"));
  EXPECT_THAT(message_after([](TensorFile& file) { file.metadata.erase("compact"); }),
              HasSubstr("no tensor named 'fc1.weight'"));
}

TEST_F(CompactFileTest, AWeightInBothFormsIsRefused) {
  EXPECT_THAT(message_after([](TensorFile& file) {
                file.tensors.emplace_back("fc1.weight_mask", at::ones({2, 3}));
              }),
              HasSubstr("'fc1.weight' is there in compact form and as 'fc1.weight_mask'"));
}

TEST_F(CompactFileTest, MetadataThatDoesNotFitTheNetworkIsNamed) {
  const auto after = [&](const std::string& compact) {
    return message_after([&](TensorFile& file) { file.metadata["compact"] = compact; });
  };
  EXPECT_THAT(after(R"({"version":9})"), HasSubstr("its metadata's 'compact' has version 9"));
  EXPECT_THAT(after(R"({"version":1,"weights":{"fc1.weight":{"places":"gaps8","shape":[3,2]}}})"),
              HasSubstr("'fc1.weight' has shape 3x2 in the metadata's 'compact', but its network needs 2x3"));
  EXPECT_THAT(after(R"({"version":1,"weights":{"fc1.bias":{"places":"gaps8","shape":[2]}}})"),
              HasSubstr("names 'fc1.bias', which is no weight of its network"));
}

TEST_F(CompactFileTest, TruncatedAtAnyPlaceIsAnError) {
  write_safetensors(path(), by_hand());
  const std::string bytes = read(path());
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    write(path(), std::string_view(bytes).substr(0, length));
    EXPECT_THAT(message_of<InputError>([&] { read_network(path()); }), StartsWith(path().string()));
  }
}

}  // namespace
}  // namespace ntt
