#include "ntt/data/unpack.h"

#include <archive.h>
#include <archive_entry.h>

#include "tests/data/files.h"

namespace ntt {
namespace {

using ::testing::HasSubstr;

class UnpackTest : public FolderTest {
 protected:
  void SetUp() override { std::filesystem::create_directories(out_); }

  void pack(const std::vector<std::pair<std::string, std::string>>& files, const std::string& link = "") const {
    archive* writer = archive_write_new();
    archive_write_add_filter_gzip(writer);
    archive_write_set_format_ustar(writer);
    archive_write_open_filename(writer, packed_.c_str());
    archive_entry* entry = archive_entry_new();
    for (const auto& [name, content] : files) {
      archive_entry_clear(entry);
      archive_entry_set_pathname(entry, name.c_str());
      archive_entry_set_perm(entry, 0644);
      const bool is_link = name == link;
      archive_entry_set_filetype(entry, is_link ? AE_IFLNK : AE_IFREG);
      if (is_link) {
        archive_entry_set_symlink(entry, content.c_str());
      }
      archive_entry_set_size(entry, is_link ? 0 : static_cast<la_int64_t>(content.size()));
      archive_write_header(writer, entry);
      if (!is_link) {
        archive_write_data(writer, content.data(), content.size());
      }
    }
    archive_entry_free(entry);
    archive_write_free(writer);
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(out_), {}));
  }
  std::string error() const {
    return input_error([&] { unpack_files(packed_, out_, {"a.bin", "b.bin"}); });
  }

  std::filesystem::path packed_ = folder_ / "set.tar.gz";
  std::filesystem::path out_ = folder_ / "out";
};

TEST_F(UnpackTest, TakesTheNamedFilesAlone) {
  pack({{"set/readme.html", "hello"}, {"set/b.bin", "BB"}, {"set/a.bin", std::string(600'000, 'A')}});
  unpack_files(packed_, out_, {"a.bin", "b.bin"});
  EXPECT_EQ(read_file(out_ / "a.bin"), std::string(600'000, 'A'));
  EXPECT_EQ(read_file(out_ / "b.bin"), "BB");
  EXPECT_EQ(count(), 2U);
}

TEST_F(UnpackTest, WritesNowhereElse) {
  pack({{"../a.bin", "A"}, {"/tmp/../../b.bin", "B"}});
  unpack_files(packed_, out_, {"a.bin", "b.bin"});
  EXPECT_EQ(read_file(out_ / "a.bin"), "A");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.bin"));
  pack({{"a.bin", "/etc/passwd"}, {"b.bin", "B"}}, "a.bin");
  EXPECT_THAT(error(), HasSubstr("lacks a.bin"));
}

TEST_F(UnpackTest, RefusesMissingFilesAndDamage) {
  pack({{"set/a.bin", "A"}});
  EXPECT_THAT(error(), HasSubstr("lacks b.bin"));
  std::string noise;
  for (std::uint32_t i = 0, state = 1; i < 100'000; ++i) {
    state = state * 1664525U + 1013904223U;
    noise += static_cast<char>(state >> 24U);
  }
  pack({{"set/a.bin", noise}, {"set/b.bin", "B"}});
  const std::string bytes = read_file(packed_);
  std::filesystem::remove(out_ / "a.bin");
  write_file(packed_, bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(error(), HasSubstr("cannot be unpacked"));
  EXPECT_EQ(count(), 0U);
  write_file(packed_, "not an archive at all");
  EXPECT_THAT(error(), HasSubstr("cannot be unpacked"));
  std::filesystem::remove(packed_);
  EXPECT_THAT(error(), HasSubstr("set.tar.gz"));
}

}  // namespace
}  // namespace ntt
