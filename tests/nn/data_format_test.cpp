#include "ntt/nn/data_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/error.h"
#include "ntt/io/safetensors.h"
#include "ntt/nn/network_file.h"
#include "ntt/onnx/writer.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Metadata = std::map<std::string, std::string>;

/// The format of networks of `lenet`, whose channels and classes the graph says.
class DataFormatTest : public TemporaryFolderTest {
 protected:
  DataFormatTest() {
    const auto channels = static_cast<std::size_t>(network_.graph().input_shape().front());
    format_.normalisation =
        Normalisation{std::vector<double>(channels, 0.1306604762738429), std::vector<double>(channels, 1.0 / 3), true};
    for (std::int64_t i = 0; i < network_.outputs(); ++i) {
      format_.class_names.push_back("Klasse \"" + std::to_string(i) + "\", möglich");
    }
  }

  std::filesystem::path path() const { return folder_ / "network.safetensors"; }
  Metadata metadata() const {
    Metadata metadata{{"method", "ntt"}};
    set_data_format(metadata, format_);
    return metadata;
  }
  void expect_same(const DataFormat& found) const {
    ASSERT_TRUE(found.normalisation.has_value());
    EXPECT_EQ(*found.normalisation, *format_.normalisation) << "to the bit";
    EXPECT_EQ(found.class_names, format_.class_names);
  }
  /// What reading says of a file whose metadata have this instead.
  std::string refusal(const std::string& key, const std::string& value) const {
    write_network(path(), network_, metadata());
    TensorFile file = read_safetensors(path());
    file.metadata[key] = value;
    write_safetensors(path(), file);
    const std::string message = message_of<InputError>([&] { read_network(path()); });
    EXPECT_THAT(message, AllOf(StartsWith(path().string() + ": its metadata's '" + key + "'"), HasSubstr(" ")));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  }

  Network network_ = draw(small_network("lenet"), 1, at::kFloat);
  DataFormat format_;
};

TEST_F(DataFormatTest, ComesBackFromEitherFormAndFromOnnx) {
  write_network(path(), network_, metadata());
  expect_same(read_network(path()).format);
  mask_at_random(network_, 0.1, 2);
  write_network(path(), network_, metadata(), {true, at::kHalf});
  expect_same(read_network(path()).format);
  write_onnx(folder_ / "network.onnx", network_.graph(), network_.all_parameters(), metadata(), true);
  expect_same(read_network(folder_ / "network.onnx").format);
  format_.normalisation->bytes = false;
  write_network(path(), network_, metadata());
  expect_same(read_network(path()).format);
}

TEST_F(DataFormatTest, IsEmptyWhereNothingIsSaid) {
  write_network(path(), network_, {{"method", "ntt"}});
  const DataFormat format = read_network(path()).format;
  EXPECT_FALSE(format.normalisation.has_value());
  EXPECT_TRUE(format.class_names.empty());
  Metadata said = metadata();
  set_data_format(said, {});
  EXPECT_EQ(said, (Metadata{{"method", "ntt"}}));
}

TEST_F(DataFormatTest, BrokenNormalisationsAreRefusedInOneSentence) {
  const std::string key = "preprocessing";
  const auto numbers = [](const std::string& mean, const std::string& deviation, const std::string& divide_by = "255") {
    return R"({"divide_by": )" + divide_by + R"(, "mean": )" + mean + R"(, "standard_deviation": )" + deviation + "}";
  };
  ASSERT_EQ(network_.graph().input_shape().front(), 1);
  EXPECT_THAT(refusal(key, numbers("[1e999]", "[1]")), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(key, numbers("[null]", "[1]")), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(key, numbers("0.5", "[1]")), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(key, numbers("[0.5]", "[1]", "2")), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(key, R"({"divide_by": 255})"), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(key, "resize, then crop"), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(key, numbers("[0.5, 0.5]", "[1]")), HasSubstr("1 channels, but there are 2 means"));
  EXPECT_THAT(refusal(key, numbers("[0.5]", "[]")), HasSubstr("0 standard deviations"));
  EXPECT_THAT(refusal(key, numbers("[0.5]", "[0]")), HasSubstr("not a finite number above 0"));
  EXPECT_THAT(refusal(key, numbers("[0.5]", "[-1]")), HasSubstr("not a finite number above 0"));
}

TEST_F(DataFormatTest, BrokenClassNamesAreRefusedInOneSentence) {
  for (const std::string names : {R"(["a"])", R"("a")", "[1, 2]", "a, b", "[]"}) {
    EXPECT_THAT(refusal("class_names", names), HasSubstr("is not a list of")) << names;
  }
}

TEST_F(DataFormatTest, WhatCouldNotBeReadIsNotWritten) {
  format_.normalisation->standard_deviation.front() = 0;
  EXPECT_THAT(message_of<InputError>([&] { write_network(path(), network_, metadata()); }), HasSubstr("above 0"));
  EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace ntt
