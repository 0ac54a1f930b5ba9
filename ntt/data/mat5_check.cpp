#include "ntt/data/mat5_check.h"

#include <zlib.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "ntt/core/error.h"

namespace ntt {
namespace {

constexpr std::uint64_t kHeaderBytes = 128;
constexpr std::uint32_t kMatrix = 14;
constexpr std::uint32_t kCompressed = 15;
constexpr std::size_t kBufferBytes = 1U << 16U;

[[noreturn]] void fail_damaged(const std::filesystem::path& path, const char* reason) {
  fail_input("{}: holds damaged compressed data ({}); fetch it again", path.string(), reason);
}

/// Decompresses `bytes` of the file from where it stands, keeping nothing; returns the decoded size.
std::uint64_t decoded_size(const std::filesystem::path& path, std::ifstream& file, std::uint64_t bytes) {
  std::vector<unsigned char> input(kBufferBytes);
  std::vector<unsigned char> output(kBufferBytes);
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) {
    fail_run("{}: zlib cannot start", path.string());
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  std::uint64_t decoded = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      if (bytes == 0) {
        fail_damaged(path, "it ends too early");
      }
      const std::size_t want = std::min<std::uint64_t>(bytes, input.size());
      file.read(reinterpret_cast<char*>(input.data()), static_cast<std::streamsize>(want));
      if (static_cast<std::size_t>(file.gcount()) != want) {
        fail_run("{}: cannot be read", path.string());
      }
      bytes -= want;
      stream.next_in = input.data();
      stream.avail_in = static_cast<uInt>(want);
    }
    stream.next_out = output.data();
    stream.avail_out = static_cast<uInt>(output.size());
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) {
      fail_damaged(path, stream.msg != nullptr ? stream.msg : zError(status));
    }
    decoded += output.size() - stream.avail_out;
  }
  if (bytes > 0 || stream.avail_in > 0) {
    fail_damaged(path, "other bytes follow it");
  }
  return decoded;
}

void check_header(const std::filesystem::path& path, std::ifstream& file) {
  std::array<char, kHeaderBytes> header{};
  file.read(header.data(), header.size());
  if (file.gcount() != static_cast<std::streamsize>(header.size()) ||
      std::memcmp(header.data() + 124, "\x00\x01IM", 4) != 0) {
    fail_input("{}: is no MATLAB 5 file (little-endian), which SVHN's files are", path.string());
  }
}

}  // namespace

std::uint64_t check_mat5(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail_input("{}: is not there, or is no file; run `ntt data fetch svhn`", path.string());
  }
  const std::uint64_t file_size = std::filesystem::file_size(path);
  std::ifstream file(path, std::ios::binary);
  check_header(path, file);
  std::uint64_t decoded = 0;
  std::uint64_t position = kHeaderBytes;
  while (position < file_size) {
    std::array<std::uint32_t, 2> tag{};  // type, bytes
    if (file_size - position < sizeof(tag) || !file.read(reinterpret_cast<char*>(tag.data()), sizeof(tag)) ||
        tag[1] > file_size - position - sizeof(tag)) {
      fail_input("{}: is cut off after {} bytes; fetch it again", path.string(), file_size);
    }
    if (tag[0] != kMatrix && tag[0] != kCompressed) {
      fail_input("{}: at byte {} is an element of type {}; a variable has type 14 or 15", path.string(), position,
                 tag[0]);
    }
    decoded += tag[0] == kCompressed ? decoded_size(path, file, tag[1]) : tag[1];
    position += sizeof(tag) + tag[1];
    file.seekg(static_cast<std::streamoff>(position));
  }
  return decoded;
}

}  // namespace ntt
