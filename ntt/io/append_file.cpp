#include "ntt/io/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"

namespace ntt {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {}

AppendFile::~AppendFile() {
  close();
}

void AppendFile::close() {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

void AppendFile::append(std::string_view bytes) {
  errno = 0;
  if (descriptor_ < 0) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  }
  if (descriptor_ < 0 || write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    // A write cut short sets no error: the disk is full.
    fail_run("cannot write {}: {}", path_.string(), std::generic_category().message(errno == 0 ? ENOSPC : errno));
  }
}

void AppendFile::rewrite(std::string_view bytes) {
  close();
  write_file_atomically(path_, bytes);
}

}  // namespace ntt
