#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "ntt/io/append_file.h"

namespace ntt {

/// Names of the files of a run folder.
inline constexpr std::string_view kConfigFile = "config.toml";                 ///< The resolved options.
inline constexpr std::string_view kResultFile = "result.json";                 ///< One object, when finished.
inline constexpr std::string_view kMetricsFile = "metrics.jsonl";              ///< A line an evaluation.
inline constexpr std::string_view kNetworkFile = "network.safetensors";        ///< The network found or trained.
inline constexpr std::string_view kTeacherFile = "teacher.safetensors";        ///< The dense network it came from.
inline constexpr std::string_view kRewindFile = "rewind.safetensors";          ///< The network early in training.
inline constexpr std::string_view kTrackFile = "track.safetensors";            ///< Outputs and kernels over training.
inline constexpr std::string_view kCheckpointFile = "checkpoint.safetensors";  ///< The state of an unfinished run.

/// The folder that one run writes. Constructing it touches nothing; the first write makes the folder.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The path of a file in the folder: `folder.file(kNetworkFile)`.
  [[nodiscard]] std::filesystem::path file(std::string_view name) const;

  /// Makes the folder and those above it; InputError if something else has that name, RunError if refused.
  void create() const;
  /// Whether a finished run's result is there.
  [[nodiscard]] bool finished() const;
  /// Whether an unfinished run's checkpoint is there.
  [[nodiscard]] bool resumable() const;

  void write_config(std::string_view toml) const;
  /// Writes result.json, indented, and removes the checkpoint: the run is finished.
  void write_result(const nlohmann::json& result) const;
  /// The finished run's result; InputError if there is none or it is no JSON object.
  [[nodiscard]] nlohmann::json read_result() const;

 private:
  std::filesystem::path path_;
};

/// A file of JSON lines that only grows, and beside it, if so asked, the same for TensorBoard.
class MetricsLog {
 public:
  explicit MetricsLog(const std::filesystem::path& path, bool tensorboard = false);

  /// Adds one line; RunError if the disk refuses.
  void append(const nlohmann::json& record);
  /// Complete lines in the file.
  [[nodiscard]] std::int64_t lines() const;
  /// Keeps the first `lines` lines, atomically, so that a resumed run goes on where its checkpoint stands (0: starts
  /// anew); InputError if fewer are there.
  void truncate_to(std::int64_t lines);

 private:
  AppendFile lines_;
  std::optional<AppendFile> events_;
};

/// The records of a metrics file; InputError naming file and line where one is no JSON. A last line without its line
/// break, left by a killed run, is not counted.
std::vector<nlohmann::json> read_metrics(const std::filesystem::path& path);

/// Where and with what this process runs:
/// {"versions": {"ntt", "libtorch", "onednn"}, "processor", "threads", "time" (UTC, ISO 8601)}.
nlohmann::json environment_record();

}  // namespace ntt
