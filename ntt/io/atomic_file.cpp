#include "ntt/io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <regex>
#include <string>
#include <system_error>
#include <utility>

#include "ntt/core/error.h"

namespace ntt {
namespace {

[[noreturn]] void fail_write(const std::filesystem::path& path, int error) {
  fail_run("cannot write {}: {}", path.string(), std::generic_category().message(error));
}

bool is_special(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
         !std::filesystem::is_directory(status);
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<int> count = 0;
  return path.parent_path() / fmt::format(".{}.{}-{}.tmp", path.filename().string(), getpid(), count++);
}

/// Whether a file is one that temporary_beside() named in a process that is no more.
bool is_leftover(const std::filesystem::path& path) {
  static const std::regex kTemporary(R"(\..+\.([0-9]{1,9})-[0-9]+\.tmp)");
  const std::string name = path.filename().string();
  std::smatch parts;
  return std::regex_match(name, parts, kTemporary) && kill(std::stoi(parts[1]), 0) != 0 && errno == ESRCH;
}

void sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);  // where a file system cannot do this, the file itself is safe all the same
    ::close(descriptor);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (is_special(path_)) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    temporary_ = temporary_beside(path_);
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (descriptor_ < 0) {
    fail_write(path_, errno);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
  if (!temporary_.empty()) {
    unlink(temporary_.c_str());
  }
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      fail_write(path_, errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  // A pipe or a device has nothing to flush and says EINVAL.
  if (!temporary_.empty() && fsync(descriptor_) != 0) {
    fail_write(path_, errno);
  }
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    fail_write(path_, errno);
  }
  if (temporary_.empty()) {
    return;
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail_write(path_, errno);
  }
  temporary_.clear();
  sync_folder_of(path_);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void remove_leftovers(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (is_leftover(entry.path())) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace ntt
