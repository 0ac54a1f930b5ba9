#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

namespace ntt {

/// Reads a file's content, decompressed where the file is gzip (told by its first two bytes, not by its name).
///
/// Strict: a gzip file that is cut off, damaged (checksum), or followed by other bytes is an InputError.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills up to `bytes` of content and returns how many; fewer than asked for only at the end.
  std::size_t read(void* destination, std::size_t bytes);

 private:
  bool refill();
  std::size_t inflate_some(std::size_t bytes);

  std::filesystem::path path_;
  std::ifstream file_;
  std::vector<unsigned char> input_;
  z_stream stream_{};
  bool compressed_ = false;
  bool ended_ = false;
};

}  // namespace ntt
