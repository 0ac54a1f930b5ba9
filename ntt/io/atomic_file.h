#pragma once

#include <filesystem>
#include <string_view>

namespace ntt {

/// A file that appears whole or not at all: written under a temporary name in the same folder and renamed by commit().
/// A target that is there and is no regular file (a pipe, a device) is written in place.
/// Every failure is one RunError that names the file and says what the system said.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() succeeded; the file of that name from before stays as it was.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// Flushes to the disk and renames; call once, after the last write.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Writes `bytes` as the whole content of `path`, or throws RunError and leaves what was there.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Removes from a folder the temporary files of processes that were killed while they wrote there. Those of living
/// processes stay, and where the system refuses, the rest: what is left over does no harm but takes space.
void remove_leftovers(const std::filesystem::path& folder);

}  // namespace ntt
