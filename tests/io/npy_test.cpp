#include "ntt/io/npy.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cstring>

#include "ntt/core/error.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NpyTest : public TemporaryFolderTest {
 protected:
  std::filesystem::path path_ = folder_ / "array.npy";

  static std::string file_of(const std::string& dictionary, const std::string& data, int version = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += {static_cast<char>(version), '\0', static_cast<char>(dictionary.size()), '\0'};
    if (version > 1) {
      bytes += std::string(2, '\0');
    }
    return bytes + dictionary + data;
  }
  static std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
    return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape +
           ", }\n";
  }
  at::Tensor read_bytes(const std::string& bytes) const {
    write(path_, bytes);
    return read_npy(path_);
  }
  std::string error(const std::string& bytes) const {
    write(path_, bytes);
    return message_of<InputError>([&] { read_npy(path_); });
  }
};

TEST_F(NpyTest, WritesAndReadsEveryTypeAndRank) {
  for (const at::ScalarType type : {at::kBool, at::kByte, at::kInt, at::kLong, at::kFloat, at::kDouble}) {
    for (const std::vector<std::int64_t>& shape :
         std::vector<std::vector<std::int64_t>>{{}, {1}, {7}, {0}, {3, 0, 2}, {2, 3}, {2, 3, 4, 5}}) {
      const at::Tensor tensor = at::randint(0, 2, shape, at::kLong).to(type);
      write_npy(path_, tensor);
      const at::Tensor read_back = read_npy(path_);
      EXPECT_EQ(read_back.scalar_type(), type);
      EXPECT_EQ(read_back.sizes(), tensor.sizes());
      EXPECT_TRUE(read_back.equal(tensor));
    }
  }
  EXPECT_EQ(files(), 1U);
}

TEST_F(NpyTest, WritesTheBytesThatNumPyWrites) {
  write_npy(path_, at::tensor({1, 258}, at::kInt));
  const std::string dictionary_text = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
  const std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dictionary_text +
                               std::string(117 - dictionary_text.size(), ' ') + "\n" +
                               std::string("\x01\0\0\0\x02\x01\0\0", 8);
  EXPECT_EQ(read(path_), expected);
}

TEST_F(NpyTest, WritesTransposedTensorsInTheirOwnOrder) {
  const at::Tensor tensor = at::arange(6, at::kLong).view({2, 3}).t();
  write_npy(path_, tensor);
  EXPECT_TRUE(read_npy(path_).equal(tensor));
}

TEST_F(NpyTest, ReadsEveryVersionAndFortranOrder) {
  const std::string data("\0\1\2\3\4\5", 6);
  for (const int version : {1, 2, 3}) {
    const at::Tensor c_order = read_bytes(file_of(dictionary("|u1", "(2, 3)"), data, version));
    EXPECT_TRUE(c_order.equal(at::tensor({0, 1, 2, 3, 4, 5}, at::kByte).view({2, 3})));
    const at::Tensor fortran = read_bytes(file_of(dictionary("|u1", "(2, 3)", true), data, version));
    EXPECT_TRUE(fortran.equal(at::tensor({0, 2, 4, 1, 3, 5}, at::kByte).view({2, 3})));
    EXPECT_TRUE(fortran.is_contiguous());
  }
}

TEST_F(NpyTest, ReadsKeysInAnyOrderAndSpacing) {
  const at::Tensor tensor =
      read_bytes(file_of("{\"shape\":(2,),\"descr\":\"u1\" , \"fortran_order\":False}      \n", "\x05\x06"));
  EXPECT_TRUE(tensor.equal(at::tensor({5, 6}, at::kByte)));
}

TEST_F(NpyTest, RefusesTypesThatItDoesNotRead) {
  EXPECT_THAT(error(file_of(dictionary(">f4", "(1,)"), "abcd")), AllOf(HasSubstr("big-endian"), HasSubstr("'<f4'")));
  EXPECT_THAT(error(file_of(dictionary("<f2", "(2,)"), "abcd")), AllOf(HasSubstr("<f2"), HasSubstr("float32")));
  EXPECT_THAT(error(file_of(dictionary("|O", "(1,)"), "abcd")), HasSubstr("'|O'"));
  EXPECT_THAT(error(file_of("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd")),
              HasSubstr("records"));
  EXPECT_THAT(error(file_of(dictionary("|b1", "(2,)"), "\x01\x02")), HasSubstr("element 1 of a bool array"));
}

TEST_F(NpyTest, RefusesLengthsThatDoNotAgree) {
  EXPECT_THAT(error(file_of(dictionary("<f4", "(2,)"), "abcd")),
              AllOf(HasSubstr(path_.string()), HasSubstr("8 bytes"), HasSubstr("has 4")));
  EXPECT_THAT(error(file_of(dictionary("<f4", "(1,)"), "abcde")), HasSubstr("has 5"));
  const std::string big = "(4611686018427387904, 4611686018427387904)";
  EXPECT_THAT(error(file_of(dictionary("<f4", big), "abcd")), HasSubstr("more than 2^63"));
  EXPECT_THAT(error(file_of(dictionary("<f8", "(1152921504606846976,)"), "abcd")), HasSubstr("has 4"));
  EXPECT_THAT(error(file_of(dictionary("<f4", "(99999999999999999999,)"), "abcd")), HasSubstr("no machine"));
}

TEST_F(NpyTest, RefusesEveryTruncation) {
  const std::string bytes = file_of(dictionary("<f4", "(1,)"), "abcd", 2);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(error(bytes.substr(0, length)).empty()) << length;
  }
}

TEST_F(NpyTest, RefusesDamagedHeaders) {
  EXPECT_THAT(error("not a NumPy file"), HasSubstr("is not a .npy file"));
  EXPECT_THAT(error(file_of(dictionary("<f4", "(1,)"), "abcd", 4)), HasSubstr("version 4.0"));
  for (const std::string& text :
       {std::string("[]"), std::string("{}"), std::string("{'descr': '<f4'}"), std::string("{'descr': '<f4"),
        dictionary("<f4", "(1,)") + "x", dictionary("<f4", "(1;)"), dictionary("<f4", "(-1,)"), dictionary("<f4", "1"),
        std::string("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"),
        std::string("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}")}) {
    EXPECT_THAT(error(file_of(text, "abcd")), HasSubstr("header is damaged")) << text;
  }
  EXPECT_THAT(message_of<InputError>([&] { read_npy(folder_); }), HasSubstr("no file"));
}

TEST_F(NpyTest, WritesBlocksInAnyOrder) {
  NpyWriter writer(path_, at::kFloat, {2, 3});
  writer.write_block(4, at::tensor({4.0F, 5.0F}));
  writer.write_block(0, at::tensor({0.0F, 1.0F, 2.0F, 3.0F}).view({2, 2}));
  EXPECT_FALSE(std::filesystem::exists(path_));
  writer.finish();
  EXPECT_TRUE(read_npy(path_).equal(at::arange(6, at::kFloat).view({2, 3})));
  EXPECT_EQ(files(), 1U);
  EXPECT_THAT(message_of<InputError>([&] { writer.finish(); }), HasSubstr("finished"));
  EXPECT_THAT(message_of<InputError>([&] { writer.write_block(0, at::zeros({1})); }), HasSubstr("finished"));
}

TEST_F(NpyTest, WriterRefusesWrongBlocksAndLeavesNothingBehind) {
  {
    NpyWriter writer(path_, at::kFloat, {4});
    const auto error_at = [&](std::int64_t offset, const at::Tensor& block) {
      return message_of<InputError>([&] { writer.write_block(offset, block); });
    };
    EXPECT_THAT(error_at(0, at::zeros({1}, at::kDouble)), HasSubstr("Double"));
    EXPECT_THAT(error_at(3, at::zeros({2})), HasSubstr("outside"));
    EXPECT_THAT(error_at(-1, at::zeros({1})), HasSubstr("outside"));
    writer.write_block(0, at::zeros({3}));
    EXPECT_THAT(message_of<InputError>([&] { writer.finish(); }), HasSubstr("3 elements"));
  }
  EXPECT_EQ(files(), 0U);
  EXPECT_THAT(message_of<InputError>([&] { NpyWriter(path_, at::kHalf, {1}); }), HasSubstr("Half"));
  EXPECT_THAT(message_of<InputError>([&] { NpyWriter(path_, at::kByte, {-1}); }), HasSubstr("negative"));
  EXPECT_THAT(message_of<InputError>([&] { NpyWriter(folder_ / "none" / "x.npy", at::kByte, {1}); }),
              HasSubstr("cannot be written"));
  EXPECT_EQ(files(), 0U);
}

TEST_F(NpyTest, AnAbandonedWriterKeepsTheOldFile) {
  write_npy(path_, at::tensor({1.0F}));
  { NpyWriter writer(path_, at::kFloat, {100}); }
  EXPECT_TRUE(read_npy(path_).equal(at::tensor({1.0F})));
}

}  // namespace
}  // namespace ntt
