#pragma once

#include <filesystem>
#include <string_view>

namespace ntt {

/// A file that only grows, each piece handed to the system at once; opened at the first append.
class AppendFile {
 public:
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Adds bytes in one write, so that a reader at the same time sees whole pieces; RunError if the disk refuses.
  void append(std::string_view bytes);
  /// Replaces the whole content, atomically.
  void rewrite(std::string_view bytes);

 private:
  void close();

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace ntt
