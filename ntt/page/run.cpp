#include "ntt/page/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ntt/core/error.h"
#include "ntt/io/run_folder.h"

namespace ntt {

namespace fs = std::filesystem;

namespace {

/// A word as a shell takes it.
std::string quoted(const std::string& word) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return text + "'";
}

std::string line_of(const std::vector<std::string>& words) {
  std::vector<std::string> safe;
  std::ranges::transform(words, std::back_inserter(safe), quoted);
  return fmt::format("{}", fmt::join(safe, " "));
}

std::string command_of_job(const Job& job, const fs::path& folder) {
  std::vector<std::string> words{"ntt"};
  words.insert(words.end(), job.arguments.begin(), job.arguments.end());
  if (words.back() == "--init") {
    words.push_back((folder / job.needs).string());
  }
  words.insert(words.end(), {"--threads", "1", "--out", (folder / job.name).string()});
  return line_of(words);
}

Study read_experiment(const fs::path& folder) {
  Study study;
  JobStore store(folder / kDatabaseFile);
  const std::vector<JobRecord> records = store.all();
  const std::vector<std::string> found = found_on(records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Job& job = records[i].job;
    study.runs.push_back({records[i], folder / job.name, found[i], command_of_job(job, folder)});
  }
  return study;
}

bool has_run(const fs::path& folder) {
  return std::ranges::any_of(std::array{kResultFile, kConfigFile, kMetricsFile, kCheckpointFile}, [&](auto name) {
    std::error_code ignored;
    return fs::is_regular_file(folder / name, ignored);
  });
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_of(const nlohmann::json& object, const char* key, double otherwise) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::string first_of(const std::string& a, const std::string& b) {
  return a.empty() ? b : a;
}

/// The last name of a path, whether or not a slash follows it.
std::string last_name(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

/// The run folder that a training's --init names, itself or by its network file.
std::string start_of(const fs::path& init) {
  return last_name(init.extension() == ".safetensors" ? init.parent_path() : init);
}

/// What a finished run folder says about itself, in the words of an experiment's job.
Job job_of(const nlohmann::json& result, const std::string& name) {
  const nlohmann::json options = result.value("options", nlohmann::json::object());
  const std::string what = text_of(result, "what");
  Job job;
  job.name = name;
  job.stage = what == "train" || what == "ablate" ? what : "find";
  job.data = first_of(text_of(result, "data"), text_of(options, "data"));
  job.model = fs::path(first_of(text_of(result, "model"), text_of(options, "model"))).stem().string();
  job.scope = first_of(text_of(options, "scope"), "layer");
  const std::string kernel = text_of(options, "kernel");
  job.method = what == "transfer" && !kernel.empty()
                   ? "ntt-" + kernel
                   : first_of(text_of(result, "method"), first_of(text_of(options, "method"), "ntt"));
  const double measured = number_of(result, "density", 1);
  // What was asked for, so that seeds whose layers round differently stand together.
  job.density = number_of(options, "density", measured > 0 ? std::stod(fmt::format("{:.3g}", measured)) : 0);
  job.seed = static_cast<std::int64_t>(number_of(result, "seed", 0));
  job.needs = start_of(text_of(options, "init"));
  return job;
}

Run read_run(const fs::path& folder) {
  const RunFolder files(folder);
  Run run;
  run.folder = folder;
  const std::string name = last_name(fs::absolute(folder));
  run.record.job.name = name;
  if (files.finished()) {
    run.record.result = files.read_result();
    run.record.job = job_of(run.record.result, name);
    run.record.seconds = number_of(run.record.result, "seconds", 0);
    run.record.state = JobState::done;
  }
  run.found_on = run.job().data;
  const std::string what = text_of(run.record.result, "what");
  if (!what.empty() && fs::exists(files.file(kConfigFile))) {
    run.command =
        line_of({"ntt", what, "--config", files.file(kConfigFile).string(), "--out", folder.string() + "-again"});
  }
  return run;
}

/// Gives a training what it started from: the method and density that its network was found with, and on which data.
void take_from_start(std::vector<Run>& runs) {
  for (Run& run : runs) {
    const auto start = std::ranges::find(runs, run.job().needs, [](const Run& other) { return other.job().name; });
    if (run.job().needs.empty() || start == runs.end() || !start->done() || &*start == &run) {
      continue;
    }
    Job& job = run.record.job;
    job.method = start->job().method;
    job.density = start->job().density;
    job.scope = start->job().scope;
    run.found_on = start->found_on;
  }
}

Study read_folders(const std::vector<fs::path>& folders) {
  Study study;
  std::ranges::transform(folders, std::back_inserter(study.runs), read_run);
  take_from_start(study.runs);
  return study;
}

std::vector<fs::path> run_folders_below(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && has_run(entry.path())) {
      found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

/// Whether the folder is one run; that of `ntt demo` holds several and a result of its own.
bool is_run(const fs::path& folder) {
  const RunFolder files(folder);
  return has_run(folder) && !(files.finished() && text_of(files.read_result(), "what") == "demo");
}

Study read_any(const fs::path& folder) {
  if (fs::exists(folder / kDatabaseFile)) {
    return read_experiment(folder);
  }
  const std::vector<fs::path> folders = is_run(folder) ? std::vector{folder} : run_folders_below(folder);
  if (folders.empty()) {
    fail_input(
        "{} holds nothing to report: it must be the folder of an experiment (with {}), a run folder (with {}), or a "
        "folder of run folders",
        folder.string(), kDatabaseFile, kResultFile);
  }
  return read_folders(folders);
}

}  // namespace

double Run::test_accuracy() const {
  const nlohmann::json& result = record.result;
  const nlohmann::json figures = result.is_object() ? result.value("figures", nlohmann::json()) : nlohmann::json();
  const double last = number_of(figures, "test_accuracy", number_of(result, "test_accuracy", NAN));
  return number_of(figures, "mean_test_accuracy_of_last_ten", last);
}

Study read_study(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail_input("there is no folder {}", folder.string());
  }
  Study study = read_any(folder);
  study.folder = folder;
  study.name = fs::canonical(folder).filename().string();
  if (std::ranges::none_of(study.runs, &Run::done)) {
    fail_input("nothing in {} is finished: {} {} begun or waiting", folder.string(), study.runs.size(),
               study.runs.size() == 1 ? "run is" : "runs are");
  }
  return study;
}

std::string short_name(const std::string& data) {
  return last_name(data);
}

}  // namespace ntt
