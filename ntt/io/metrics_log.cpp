#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "ntt/core/error.h"
#include "ntt/io/event_file.h"
#include "ntt/io/read_file.h"
#include "ntt/io/run_folder.h"

namespace ntt {
namespace {

std::string content_if_any(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? read_file(path) : "";
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The event file that follows from these records, as if the last of them came now.
std::string events_of(const std::vector<nlohmann::json>& records) {
  const double end = records.empty() ? 0 : records.back().value("seconds", 0.0);
  const double start = now() - end;
  std::string events = event_file_start(start);
  for (const nlohmann::json& record : records) {
    events += scalar_event(record, start + record.value("seconds", end));
  }
  return events;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, bool tensorboard) : lines_(path) {
  if (tensorboard) {
    events_.emplace(path.parent_path() / kEventFile);
  }
}

void MetricsLog::append(const nlohmann::json& record) {
  lines_.append(record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (events_) {
    events_->append(scalar_event(record, now()));
  }
}

std::int64_t MetricsLog::lines() const {
  return std::ranges::count(content_if_any(lines_.path()), '\n');
}

void MetricsLog::truncate_to(std::int64_t lines) {
  const std::string content = content_if_any(lines_.path());
  std::size_t end = 0;
  for (std::int64_t line = 0; line < lines; ++line) {
    const std::size_t line_break = content.find('\n', end);
    if (line_break == std::string::npos) {
      fail_input("{} has {} lines where the checkpoint expects {}", lines_.path().string(), line, lines);
    }
    end = line_break + 1;
  }
  lines_.rewrite(std::string_view(content).substr(0, end));
  if (events_) {
    events_->rewrite(events_of(read_metrics(lines_.path())));
  }
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
