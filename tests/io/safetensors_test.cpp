#include "ntt/io/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string length_bytes(std::uint64_t length) {
  return {reinterpret_cast<const char*>(&length), sizeof length};
}

std::string file_bytes(const std::string& header, const std::string& data) {
  return length_bytes(header.size()) + header + data;
}

using SafetensorsTest = TemporaryFolderTest;

TEST_F(SafetensorsTest, WritesExactlyTheseBytes) {
  TensorFile file;
  file.tensors = {{"m", at::tensor({1, 0, 1}, at::kByte)}, {"w", at::tensor({1.0F, -2.0F}).reshape({1, 2})}};
  file.metadata = {{"model", "a \"b\""}};
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, file);
  // The floats lie first, aligned, though the mask comes first in the header.
  std::string header = R"({"__metadata__":{"model":"a \"b\""},)"
                       R"("m":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},)"
                       R"("w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::string data("\x00\x00\x80\x3f\x00\x00\x00\xc0\x01\x00\x01", 11);
  EXPECT_EQ(read(path), file_bytes(header, data));
  EXPECT_EQ(files(), 1);
}

TEST_F(SafetensorsTest, ReadsHandMadeBytes) {
  const auto path = folder_ / "a.safetensors";
  const std::string header = R"({"b":{"dtype":"I16","shape":[2],"data_offsets":[4,8]},)"
                             R"("a":{"shape":[],"data_offsets":[0,4],"dtype":"F32"},"__metadata__":{"k":"v"}}  )";
  write(path, file_bytes(header, std::string("\x00\x00\x20\x41\x02\x00\xff\xff", 8)));
  const TensorFile file = read_safetensors(path);
  ASSERT_EQ(file.tensors.size(), 2);
  EXPECT_EQ(file.tensors[0].first, "b");
  EXPECT_TRUE(at::equal(file.tensors[0].second, at::tensor({2, -1}, at::kShort)));
  EXPECT_EQ(file.at("a").dim(), 0);
  EXPECT_EQ(file.at("a").item<float>(), 10.0F);
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"k", "v"}}));
  EXPECT_EQ(file.origin, path.string());
}

TEST_F(SafetensorsTest, EveryDtypeSurvivesARoundTrip) {
  TensorFile file;
  const at::Tensor values = at::tensor({0.0, 1.0, 3.0, 100.0}).reshape({2, 2});
  for (const auto dtype : {at::kBool, at::kDouble, at::kByte, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                           at::kShort, at::kChar}) {
    file.tensors.emplace_back(c10::toString(dtype), values.to(dtype));
  }
  file.tensors.emplace_back("empty", at::empty({3, 0}));
  file.tensors.emplace_back("transposed", at::arange(6, at::kLong).reshape({2, 3}).t());
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, file);
  const TensorFile back = read_safetensors(path);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(back.tensors[i].first, file.tensors[i].first);
    EXPECT_EQ(back.tensors[i].second.scalar_type(), file.tensors[i].second.scalar_type());
    EXPECT_EQ(back.tensors[i].second.sizes(), file.tensors[i].second.sizes());
    EXPECT_TRUE(at::equal(back.tensors[i].second, file.tensors[i].second)) << file.tensors[i].first;
  }
  EXPECT_TRUE(back.metadata.empty());
}

TEST_F(SafetensorsTest, NothingAtAllIsAFileToo) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, {});
  EXPECT_EQ(read(path), file_bytes("{}      ", ""));
  EXPECT_TRUE(read_safetensors(path).tensors.empty());
}

TEST_F(SafetensorsTest, MissingTensorNamesFileAndTensor) {
  TensorFile file;
  file.tensors = {{"w", at::zeros({1})}};
  file.origin = "net.safetensors";
  EXPECT_TRUE(file.contains("w"));
  EXPECT_FALSE(file.contains("w2"));
  EXPECT_EQ(message_of<InputError>([&] { (void)file.at("w2"); }), "net.safetensors has no tensor named 'w2'");
}

TEST_F(SafetensorsTest, RefusesToWriteWhatTheFormatCannotHold) {
  const auto path = folder_ / "a.safetensors";
  TensorFile file;
  file.tensors = {{"w", at::zeros({1})}, {"w", at::zeros({1})}};
  EXPECT_THROW(write_safetensors(path, file), RunError);
  file.tensors = {{"w", at::zeros({1}, at::kComplexFloat)}};
  EXPECT_THROW(write_safetensors(path, file), RunError);
  file.tensors = {{"__metadata__", at::zeros({1})}};
  EXPECT_THROW(write_safetensors(path, file), RunError);
  EXPECT_EQ(files(), 0);
}

TEST_F(SafetensorsTest, UnreadablePathsAreNamed) {
  EXPECT_THAT(message_of<InputError>([&] { read_safetensors(folder_ / "none"); }),
              StartsWith("cannot read " + (folder_ / "none").string()));
  EXPECT_THAT(message_of<InputError>([&] { read_safetensors(folder_); }), HasSubstr("it is not a file"));
}

struct BrokenFile {
  const char* name;
  std::string bytes;
  const char* message;  ///< A part of it.
};

class BrokenSafetensorsTest : public TemporaryFolderTest, public testing::WithParamInterface<BrokenFile> {};

TEST_P(BrokenSafetensorsTest, IsOneClearInputError) {
  const auto path = folder_ / "broken.safetensors";
  write(path, GetParam().bytes);
  const std::string message = message_of<InputError>([&] { read_safetensors(path); });
  EXPECT_THAT(message, StartsWith(path.string()));
  EXPECT_THAT(message, HasSubstr(GetParam().message));
}

std::string one(const std::string& fields, const std::string& data = "12345678") {
  return file_bytes(R"({"w":{)" + fields + "}}", data);
}

const std::vector<BrokenFile> kBroken{
    {"Empty", "", "it has 0 bytes"},
    {"ShortLength", "1234567", "it has 7 bytes"},
    {"HeaderTooLong", length_bytes(100'000'001) + "{}", "more than the 100000000 allowed"},
    {"HeaderLengthHuge", length_bytes(std::numeric_limits<std::uint64_t>::max()) + "{}", "more than the 100000000"},
    {"TruncatedHeader", length_bytes(50) + R"({"w":)", "ends within its header"},
    {"SpaceFirst", file_bytes(" {}", ""), "does not start with '{'"},
    {"EmptyHeader", file_bytes("", ""), "does not start with '{'"},
    {"NoJson", file_bytes(R"({"w":)", ""), "not valid JSON"},
    {"NoUtf8", file_bytes("{\"\xff\":1}", ""), "not valid JSON"},
    {"TwoObjects", file_bytes("{}{}", ""), "not valid JSON"},
    {"DuplicateName",
     file_bytes(
         R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
         "1"),
     "'w' twice"},
    {"MetadataNoObject", file_bytes(R"({"__metadata__":[]})", ""), "__metadata__ is not an object"},
    {"MetadataNoString", file_bytes(R"({"__metadata__":{"a":1}})", ""), "'a' is not a string"},
    {"NoObject", file_bytes(R"({"w":3})", ""), "lacks dtype"},
    {"NoShape", one(R"("dtype":"F32","data_offsets":[0,8])"), "lacks dtype, shape"},
    {"UnknownDtype", one(R"("dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8])"), "dtype \"F8_E4M3\""},
    {"DtypeNoString", one(R"("dtype":7,"shape":[8],"data_offsets":[0,8])"), "dtype 7"},
    {"NegativeSize", one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), "shape [-2]"},
    {"FractionalSize", one(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), "shape [2.0]"},
    {"ShapeNoList", one(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), "shape 2, not a list"},
    {"SizeOverflow", one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"),
     "too large to count"},
    {"StrideOverflow", one(R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])", ""),
     "too large to count"},
    {"SizeOver63Bits", one(R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,8])"),
     "not a list of sizes"},
    {"BytesDisagree", one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
     "has 8 bytes where its shape and dtype need 12"},
    {"OffsetsReversed", one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), "not [begin, end]"},
    {"OffsetsThree", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"), "not [begin, end]"},
    {"OffsetsNegative", one(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), "not [begin, end]"},
    {"HoleAtStart", one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), "leaves a hole"},
    {"Overlap",
     file_bytes(
         R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
         "123456"),
     "leaves an overlap"},
    {"HoleBetween",
     file_bytes(
         R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
         "123"),
     "leaves a hole"},
    {"TruncatedData", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", "1234567"), "it is truncated"},
    {"TrailingBytes", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", "123456789"), "1 bytes after its last"},
    {"BoolOfTwo", one(R"("dtype":"BOOL","shape":[2],"data_offsets":[0,2])", "\x01\x02"), "other than 0 and 1"},
};

INSTANTIATE_TEST_SUITE_P(Kinds, BrokenSafetensorsTest, testing::ValuesIn(kBroken),
                         [](const auto& broken) { return broken.param.name; });

}  // namespace
}  // namespace ntt
