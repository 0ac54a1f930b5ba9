#include "ntt/io/run_folder.h"

#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/read_file.h"

namespace ntt {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {}

fs::path RunFolder::file(std::string_view name) const {
  return path_ / name;
}

void RunFolder::create() const {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error)) {
    fail_input("{} is a file: a run needs a folder to write into", path_.string());
  }
  fs::create_directories(path_, error);
  if (error) {
    fail_run("cannot make the folder {}: {}", path_.string(), error.message());
  }
}

bool RunFolder::finished() const {
  std::error_code ignored;
  return fs::is_regular_file(file(kResultFile), ignored);
}

bool RunFolder::resumable() const {
  std::error_code ignored;
  return !finished() && fs::is_regular_file(file(kCheckpointFile), ignored);
}

void RunFolder::write_config(std::string_view toml) const {
  create();
  write_file_atomically(file(kConfigFile), toml);
}

void RunFolder::write_result(const nlohmann::json& result) const {
  create();
  write_file_atomically(file(kResultFile), result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  std::error_code ignored;  // a checkpoint left behind does no harm: finished() goes before resumable()
  fs::remove(file(kCheckpointFile), ignored);
}

nlohmann::json RunFolder::read_result() const {
  const fs::path path = file(kResultFile);
  nlohmann::json result = nlohmann::json::parse(read_file(path), nullptr, false);
  if (!result.is_object()) {
    fail_input("{} is not a JSON object", path.string());
  }
  return result;
}

}  // namespace ntt
