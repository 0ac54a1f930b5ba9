#include "ntt/io/open_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <exception>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"

namespace ntt {
namespace {

namespace fs = std::filesystem;

/// What may change between the start of a run and its resumption: it stays the same run, though other threads or
/// another device round its sums differently.
const std::set<std::string> kFreeOptions{"threads", "device", "out", "json", "checkpoint-seconds", "tensorboard"};

/// Those that may not, by name; an option without a value has none.
std::map<std::string, std::string> fixed_values(const std::vector<TomlOption>& options) {
  std::map<std::string, std::string> values;
  for (const TomlOption& option : options) {
    if (!option.values.empty() && !kFreeOptions.contains(option.name)) {
      values[option.name] = fmt::format("{}", fmt::join(option.values, ","));
    }
  }
  return values;
}

std::string shown(const std::map<std::string, std::string>& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? "not given" : found->second;
}

/// Compares the options with those of the folder's earlier start. An option that the earlier start did not have, being
/// of an older version, must be at its default.
void check_same_options(const fs::path& earlier_file, const RunRequest& request) {
  const auto earlier = fixed_values(read_toml_options(earlier_file, request.command, {request.command}));
  const auto now = fixed_values(request.options);
  std::set<std::string> names;
  for (const auto& entry : earlier) {
    names.insert(entry.first);
  }
  for (const TomlOption& option : request.options) {
    if (now.contains(option.name) && option.given) {
      names.insert(option.name);
    }
  }
  for (const std::string& name : names) {
    if (shown(earlier, name) != shown(now, name)) {
      fail_input("{} is {}, but the run to resume was started with {}; {} has its options", name, shown(now, name),
                 shown(earlier, name), earlier_file.string());
    }
  }
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void check_place(const RunFolder& folder, bool resume) {
  const std::string place = folder.path().string();
  if (folder.finished()) {
    fail_input("{} holds a finished run; choose another folder or remove it", place);
  }
  if (!resume && folder.resumable()) {
    fail_input("{} holds an unfinished run; resume it, choose another folder or remove it", place);
  }
  if (resume && !is_there(folder.file(kConfigFile))) {
    fail_input("{} holds no run to resume; start one there, or name the folder of one", place);
  }
}

}  // namespace

OpenRun::OpenRun(const RunRequest& request, Observer& observer)
    : folder_(request.out), exceptions_(std::uncaught_exceptions()) {
  if (request.out.empty()) {
    if (request.resume) {
      fail_input("a run to resume needs its folder");
    }
    return;
  }
  check_place(folder_, request.resume);
  if (request.resume) {
    check_same_options(folder_.file(kConfigFile), request);
  }
  made_folder_ = !is_there(folder_.path());
  made_config_ = !is_there(folder_.file(kConfigFile));
  folder_.create();
  remove_leftovers(folder_.path());
  folder_.write_config(write_toml_options(request.command, request.options));
  resume_ = request.resume && folder_.resumable();
  if (request.resume && !resume_) {
    observer.message(MessageLevel::warning, fmt::format("{} was stopped before its first checkpoint and is begun again",
                                                        folder_.path().string()));
  }
}

OpenRun::~OpenRun() {
  if (std::uncaught_exceptions() == exceptions_ || !made_config_) {
    return;
  }
  std::error_code ignored;
  const auto files = std::distance(fs::directory_iterator(folder_.path(), ignored), {});
  if (files == 1) {
    fs::remove(folder_.file(kConfigFile), ignored);
  }
  if (files == 1 && made_folder_) {
    fs::remove(folder_.path(), ignored);
  }
}

nlohmann::json result_record(const RunRequest& request, double seconds, double ms_per_step) {
  nlohmann::json record = {{"what", request.command},
                           {"options", toml_options_json(request.options)},
                           {"seed", request.seed},
                           {"seconds", seconds},
                           {"ms_per_step", ms_per_step}};
  record.update(environment_record());
  return record;
}

}  // namespace ntt
