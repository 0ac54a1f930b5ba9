#include "ntt/io/npz.h"

#include <ATen/ATen.h>
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include <memory>

#include "ntt/core/error.h"
#include "ntt/io/npy.h"
#include "tests/io/temporary_folder.h"

namespace ntt {
namespace {

class NpzTest : public TemporaryFolderTest {
 protected:
  std::filesystem::path path_ = folder_ / "arrays.npz";

  /// Name and content of every member.
  std::vector<std::pair<std::string, std::string>> members() const {
    std::vector<std::pair<std::string, std::string>> found;
    const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
    archive_read_support_format_zip(reader.get());
    EXPECT_EQ(archive_read_open_filename(reader.get(), path_.c_str(), 1 << 16), ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
      std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
      EXPECT_EQ(archive_read_data(reader.get(), content.data(), content.size()),
                static_cast<la_ssize_t>(content.size()));
      found.emplace_back(archive_entry_pathname(entry), content);
    }
    return found;
  }
};

TEST_F(NpzTest, HoldsANpyFileForEachArrayUncompressed) {
  const at::Tensor weight = at::arange(600, at::kFloat).view({20, 30});
  const at::Tensor mask = at::tensor({1, 0, 1}, at::kInt).to(at::kByte);
  write_npz(path_, {{"fc1.weight", weight}, {"fc1.weight_mask", mask}});
  write_npy(folder_ / "weight.npy", weight);
  const auto found = members();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].first, "fc1.weight.npy");
  EXPECT_EQ(found[1].first, "fc1.weight_mask.npy");
  EXPECT_EQ(found[0].second, read(folder_ / "weight.npy"));
  EXPECT_NE(read(path_).find(found[0].second), std::string::npos) << "it is compressed";
}

TEST_F(NpzTest, EqualArraysGiveEqualBytes) {
  write_npz(path_, {{"a", at::ones({3})}});
  const std::string first = read(path_);
  write_npz(path_, {{"a", at::ones({3})}});
  EXPECT_EQ(read(path_), first);
}

TEST_F(NpzTest, AFailureLeavesNothing) {
  EXPECT_THROW(write_npz(path_, {{"a", at::ones({3}, at::kHalf)}}), InputError);
  EXPECT_THROW(write_npz(folder_ / "none" / "a.npz", {{"a", at::ones({3})}}), RunError);
  EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace ntt
