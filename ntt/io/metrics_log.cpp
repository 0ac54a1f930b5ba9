#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/read_file.h"
#include "ntt/io/run_folder.h"

namespace ntt {
namespace {

std::string content_if_any(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? read_file(path) : "";
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path) : path_(std::move(path)) {}

MetricsLog::~MetricsLog() {
  close();
}

void MetricsLog::close() {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

void MetricsLog::append(const nlohmann::json& record) {
  errno = 0;
  if (descriptor_ < 0) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  }
  // One write a line, so that a reader at the same time sees whole lines.
  const std::string line = record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (descriptor_ < 0 || write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    // A write cut short sets no error: the disk is full.
    fail_run("cannot write {}: {}", path_.string(), std::generic_category().message(errno == 0 ? ENOSPC : errno));
  }
}

std::int64_t MetricsLog::lines() const {
  return std::ranges::count(content_if_any(path_), '\n');
}

void MetricsLog::truncate_to(std::int64_t lines) {
  const std::string content = content_if_any(path_);
  std::size_t end = 0;
  for (std::int64_t line = 0; line < lines; ++line) {
    const std::size_t line_break = content.find('\n', end);
    if (line_break == std::string::npos) {
      fail_input("{} has {} lines where the checkpoint expects {}", path_.string(), line, lines);
    }
    end = line_break + 1;
  }
  close();
  write_file_atomically(path_, std::string_view(content).substr(0, end));
}

std::vector<nlohmann::json> read_metrics(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::vector<nlohmann::json> records;
  std::size_t start = 0;
  for (std::size_t end = content.find('\n'); end != std::string::npos; end = content.find('\n', start)) {
    records.push_back(nlohmann::json::parse(content.begin() + static_cast<std::ptrdiff_t>(start),
                                            content.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false));
    if (records.back().is_discarded()) {
      fail_input("{}, line {}: not a JSON value", path.string(), records.size());
    }
    start = end + 1;
  }
  return records;
}

}  // namespace ntt
