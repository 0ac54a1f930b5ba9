#include "ntt/data/gzip.h"

#include <algorithm>
#include <cstring>

#include "ntt/core/error.h"

namespace ntt {
namespace {
constexpr std::size_t kBufferBytes = 1U << 16U;
}

GzipReader::GzipReader(const std::filesystem::path& path) : path_(path), input_(kBufferBytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail_input("{}: is not there, or is no file", path.string());
  }
  file_.open(path, std::ios::binary);
  if (!file_) {
    fail_input("{}: cannot be opened for reading", path.string());
  }
  refill();
  compressed_ = stream_.avail_in >= 2 && input_[0] == 0x1f && input_[1] == 0x8b;
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (compressed_ && inflateInit2(&stream_, kGzipOnly) != Z_OK) {
    fail_run("{}: zlib cannot start", path.string());
  }
}

GzipReader::~GzipReader() {
  if (compressed_) {
    inflateEnd(&stream_);
  }
}

bool GzipReader::refill() {
  file_.read(reinterpret_cast<char*>(input_.data()), static_cast<std::streamsize>(input_.size()));
  stream_.next_in = input_.data();
  stream_.avail_in = static_cast<uInt>(file_.gcount());
  if (file_.bad()) {
    fail_run("{}: cannot be read", path_.string());
  }
  return stream_.avail_in > 0;
}

std::size_t GzipReader::inflate_some(std::size_t bytes) {
  stream_.avail_out = static_cast<uInt>(std::min(bytes, std::size_t{1} << 30U));
  const uInt asked = stream_.avail_out;
  if (stream_.avail_in == 0 && !refill()) {
    fail_input("{}: is cut off: the gzip data end too early; fetch it again", path_.string());
  }
  const int status = inflate(&stream_, Z_NO_FLUSH);
  if (status == Z_STREAM_END) {
    ended_ = true;
    if (stream_.avail_in > 0 || refill()) {
      fail_input("{}: has other bytes after the end of the gzip data; fetch it again", path_.string());
    }
  } else if (status != Z_OK && status != Z_BUF_ERROR) {
    fail_input("{}: holds damaged gzip data ({}); fetch it again", path_.string(),
               stream_.msg != nullptr ? stream_.msg : zError(status));
  }
  return asked - stream_.avail_out;
}

std::size_t GzipReader::read(void* destination, std::size_t bytes) {
  auto* out = static_cast<unsigned char*>(destination);
  std::size_t done = 0;
  while (done < bytes && !ended_) {
    if (compressed_) {
      stream_.next_out = out + done;
      done += inflate_some(bytes - done);
    } else if (stream_.avail_in == 0 && !refill()) {
      ended_ = true;
    } else {
      const std::size_t take = std::min<std::size_t>(bytes - done, stream_.avail_in);
      std::memcpy(out + done, stream_.next_in, take);
      stream_.next_in += take;
      stream_.avail_in -= static_cast<uInt>(take);
      done += take;
    }
  }
  return done;
}

}  // namespace ntt
