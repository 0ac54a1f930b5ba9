#include "ntt/experiment/runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <thread>

#include "ntt/core/error.h"
#include "ntt/core/stopwatch.h"
#include "ntt/io/read_file.h"
#include "ntt/io/run_folder.h"

namespace ntt {
namespace {

constexpr int kCannotStart = 127;

struct Running {
  Job job;
  Stopwatch watch;
};

std::filesystem::path log_of(const RunFolder& folder) {
  return folder.path().string() + ".log";
}

/// The last line that a job printed: its error, if it has failed.
std::string last_words(const std::filesystem::path& log) {
  std::string text = std::filesystem::exists(log) ? read_file(log) : "";
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

class Runner {
 public:
  Runner(JobStore& store, const RunnerOptions& options, const std::function<void(const JobRecord&)>& finished)
      : store_(store), options_(options), finished_(finished) {}

  void run() {
    while (true) {
      while (static_cast<int>(running_.size()) < options_.processes && !stop_requested()) {
        const std::optional<Job> job = store_.claim();
        if (!job) {
          break;
        }
        begin(*job);
      }
      if (stop_requested()) {
        stop();
        throw Interrupted("the experiment was stopped; run again, it goes on where this stopped");
      }
      if (running_.empty()) {
        return;
      }
      collect();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

 private:
  RunFolder folder_of(const std::string& name) const { return RunFolder(options_.folder / name); }

  std::vector<std::string> words_for(const Job& job) const {
    std::vector<std::string> words{options_.program.string()};
    words.insert(words.end(), job.arguments.begin(), job.arguments.end());
    if (!words.empty() && words.back() == "--init") {
      words.push_back(folder_of(job.needs).path().string());
    }
    const RunFolder folder = folder_of(job.name);
    words.insert(words.end(), {"--threads", "1", "--out", folder.path().string()});
    if (folder.resumable()) {
      words.emplace_back("--resume");
    }
    return words;
  }

  void begin(const Job& job) {
    const RunFolder folder = folder_of(job.name);
    if (folder.finished()) {  // by a process that was killed before it could say so
      finish(job, 0);
      return;
    }
    std::filesystem::create_directories(folder.path().parent_path());
    std::vector<std::string> words = words_for(job);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    const std::string log = log_of(folder).string();
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) {
      store_.release(job.name);
      fail_run("cannot start a process for {}", job.name);
    }
    if (child == 0) {
      // Nothing may go on writing once this process is gone.
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      if (getppid() != parent || file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0) {
        _exit(kCannotStart);
      }
      execv(arguments.front(), arguments.data());
      _exit(kCannotStart);
    }
    running_.emplace(child, Running{job, {}});
  }

  /// Remembers the answer: jobs that end on their own while others are being stopped count as stopped, too.
  bool stop_requested() {
    stopping_ = stopping_ || options_.observer->stop_requested();
    return stopping_;
  }

  /// Takes note of the jobs that have ended. Waits for its own children only: the process may have others.
  void collect() {
    for (auto place = running_.begin(); place != running_.end();) {
      int status = 0;
      if (waitpid(place->first, &status, WNOHANG) == 0) {
        ++place;
        continue;
      }
      const Running ended = place->second;
      place = running_.erase(place);
      note_end(ended, status);
    }
  }

  void note_end(const Running& ended, int status) {
    const double seconds = ended.watch.seconds();
    if (stop_requested()) {
      store_.release(ended.job.name);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      finish(ended.job, seconds);
    } else {
      fail(ended.job, seconds, status);
    }
  }

  void finish(const Job& job, double seconds) {
    nlohmann::json result = folder_of(job.name).read_result();
    store_.finish(job.name, seconds, result);
    finished_({job, JobState::done, seconds, "", std::move(result)});
  }

  void fail(const Job& job, double seconds, int status) {
    std::string words = last_words(log_of(folder_of(job.name)));
    if (WIFSIGNALED(status)) {
      words = fmt::format("killed by signal {}", WTERMSIG(status));
    } else if (WEXITSTATUS(status) == kCannotStart) {
      words = fmt::format("cannot start {}", options_.program.string());
    }
    store_.fail(job.name, seconds, words);
    finished_({job, JobState::failed, seconds, words, {}});
  }

  /// Lets every job save its state, and waits for it.
  void stop() {
    for (const auto& [child, job] : running_) {
      kill(child, SIGINT);
    }
    while (!running_.empty()) {
      collect();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  JobStore& store_;
  const RunnerOptions& options_;
  const std::function<void(const JobRecord&)>& finished_;
  std::map<pid_t, Running> running_;
  bool stopping_ = false;
};

}  // namespace

void run_jobs(JobStore& store, const RunnerOptions& options, const std::function<void(const JobRecord&)>& finished) {
  Runner(store, options, finished).run();
}

double seconds_left(const std::vector<JobRecord>& jobs, int processes) {
  struct Mean {
    double seconds = 0;
    double count = 0;
  };
  std::map<std::string, Mean> means;
  for (const JobRecord& record : jobs) {
    if (record.state == JobState::done && record.seconds > 0) {
      means[record.job.stage].seconds += record.seconds;
      means[record.job.stage].count += 1;
    }
  }
  double left = 0;
  for (const JobRecord& record : jobs) {
    if (record.state == JobState::waiting || record.state == JobState::running) {
      const auto mean = means.find(record.job.stage);
      if (mean == means.end()) {
        return -1;
      }
      left += mean->second.seconds / mean->second.count;
    }
  }
  return left / processes;
}

}  // namespace ntt
