#include "ntt/experiment/store.h"

#include <sqlite3.h>
#include <unistd.h>

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <sstream>

#include "ntt/core/error.h"

namespace ntt {
namespace {

constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE IF NOT EXISTS jobs ("
    " id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, stage TEXT NOT NULL, arguments TEXT NOT NULL,"
    " needs TEXT NOT NULL, data TEXT NOT NULL, model TEXT NOT NULL, method TEXT NOT NULL, density REAL NOT NULL,"
    " scope TEXT NOT NULL, seed INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',"
    " owner TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',"
    " result TEXT NOT NULL DEFAULT '{}');";
constexpr const char* kColumns = "name, stage, arguments, needs, data, model, method, density, scope, seed";

/// When a process started, in clock ticks since the machine did: the 22nd field of /proc/PID/stat (proc(5)); empty if
/// it is gone. The name before it may hold spaces, so counting begins behind its closing bracket.
std::string start_time(const std::string& process) {
  std::ifstream file("/proc/" + process + "/stat");
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  const std::size_t bracket = line.rfind(')');
  if (bracket == std::string::npos) {
    return "";
  }
  std::istringstream fields(line.substr(bracket + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) {
    fields >> field;
  }
  return field;
}

std::string owner_of(const std::string& process) {
  return process + "@" + start_time(process);
}

bool is_alive(const std::string& owner) {
  return owner == owner_of(owner.substr(0, owner.find('@')));
}

JobState state_of(const std::string& text) {
  for (const JobState state : {JobState::waiting, JobState::running, JobState::done}) {
    if (to_string(state) == text) {
      return state;
    }
  }
  return JobState::failed;
}

}  // namespace

std::vector<std::string> found_on(const std::vector<JobRecord>& jobs) {
  std::map<std::string, std::string> data;
  std::vector<std::string> result;
  for (const JobRecord& record : jobs) {
    const auto needed = data.find(record.job.needs);
    result.push_back(needed == data.end() ? record.job.data : needed->second);
    data[record.job.name] = result.back();
  }
  return result;
}

std::string to_string(JobState state) {
  switch (state) {
    case JobState::waiting:
      return "waiting";
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::failed:
      break;
  }
  return "failed";
}

/// One prepared statement with its values bound.
class JobStore::Statement {
 public:
  template <typename... Values>
  Statement(sqlite3* database, const std::string& sql, const Values&... values) : database_(database) {
    check(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement_, nullptr));
    int place = 0;
    (bind(++place, values), ...);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// The next row; false after the last.
  bool step() {
    const int status = sqlite3_step(statement_);
    if (status != SQLITE_ROW && status != SQLITE_DONE) {
      check(status);
    }
    return status == SQLITE_ROW;
  }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr ? "" : bytes;
  }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  std::int64_t whole(int column) const { return sqlite3_column_int64(statement_, column); }

  /// The job in the first columns, which are kColumns.
  Job job() const {
    return {text(0), text(1), nlohmann::json::parse(text(2)).get<std::vector<std::string>>(),
            text(3), text(4), text(5),
            text(6), real(7), text(8),
            whole(9)};
  }

 private:
  void bind(int place, const std::string& value) {
    check(sqlite3_bind_text(statement_, place, value.c_str(), -1, SQLITE_TRANSIENT));
  }
  void bind(int place, double value) { check(sqlite3_bind_double(statement_, place, value)); }
  void bind(int place, std::int64_t value) { check(sqlite3_bind_int64(statement_, place, value)); }
  void check(int status) const {
    if (status != SQLITE_OK) {
      fail_run("the experiment's database: {}", sqlite3_errmsg(database_));
    }
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

JobStore::JobStore(const std::filesystem::path& path) : owner_(owner_of(fmt::format("{}", getpid()))) {
  const int status = sqlite3_open(path.c_str(), &database_);
  if (status != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(database_);
    sqlite3_close(database_);
    fail_run("cannot open {}: {}", path.string(), reason);
  }
  constexpr int kPatience = 60'000;  // milliseconds that another process may hold the database
  sqlite3_busy_timeout(database_, kPatience);
  try {
    execute(kSchema);
  } catch (const RunError& error) {
    sqlite3_close(database_);
    fail_input("{} is no experiment's database: {}", path.string(), error.what());
  }
}

JobStore::~JobStore() {
  sqlite3_close(database_);
}

void JobStore::execute(const char* sql) {
  char* message = nullptr;
  if (sqlite3_exec(database_, sql, nullptr, nullptr, &message) != SQLITE_OK) {
    const std::string reason = message == nullptr ? "unknown" : message;
    sqlite3_free(message);
    fail_run("the experiment's database: {}", reason);
  }
}

void JobStore::add(const std::vector<Job>& jobs) {
  execute("BEGIN IMMEDIATE");
  try {
    release_orphans();
    for (const Job& job : jobs) {
      const std::string arguments = nlohmann::json(job.arguments).dump();
      Statement known(database_, "SELECT arguments, state FROM jobs WHERE name = ?", job.name);
      if (known.step()) {
        if (known.text(0) != arguments) {
          change_arguments(job.name, state_of(known.text(1)), arguments);
        }
        continue;
      }
      Statement(database_, fmt::format("INSERT INTO jobs ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kColumns),
                job.name, job.stage, arguments, job.needs, job.data, job.model, job.method, job.density, job.scope,
                job.seed)
          .step();
    }
    execute("COMMIT");
  } catch (...) {
    execute("ROLLBACK");
    throw;
  }
}

void JobStore::change_arguments(const std::string& name, JobState state, const std::string& arguments) {
  if (state == JobState::done || state == JobState::running) {
    fail_input("job {} is {} with other options than the file now has; name another experiment", name,
               to_string(state));
  }
  Statement(database_, "UPDATE jobs SET arguments = ? WHERE name = ?", arguments, name).step();
}

void JobStore::release_orphans() {
  std::vector<std::string> orphans;
  Statement running(database_, "SELECT name, owner FROM jobs WHERE state = 'running'");
  while (running.step()) {
    if (!is_alive(running.text(1))) {
      orphans.push_back(running.text(0));
    }
  }
  for (const std::string& name : orphans) {
    release(name);
  }
}

std::optional<Job> JobStore::claim() {
  execute("BEGIN IMMEDIATE");
  std::optional<Job> job;
  try {
    release_orphans();
    {
      Statement ready(database_, fmt::format("SELECT {} FROM jobs WHERE state = 'waiting' AND (needs = '' OR needs IN "
                                             "(SELECT name FROM jobs WHERE state = 'done')) ORDER BY id LIMIT 1",
                                             kColumns));
      if (ready.step()) {
        job = ready.job();
      }
    }
    if (job) {
      Statement(database_, "UPDATE jobs SET state = 'running', owner = ? WHERE name = ?", owner_, job->name).step();
    }
    execute("COMMIT");
  } catch (...) {
    execute("ROLLBACK");
    throw;
  }
  return job;
}

void JobStore::finish(const std::string& name, double seconds, const nlohmann::json& result) {
  Statement(database_, "UPDATE jobs SET state = 'done', seconds = ?, result = ?, error = '' WHERE name = ?", seconds,
            result.dump(), name)
      .step();
}

void JobStore::fail(const std::string& name, double seconds, const std::string& error) {
  Statement(database_, "UPDATE jobs SET state = 'failed', seconds = ?, error = ? WHERE name = ?", seconds, error, name)
      .step();
  std::vector<std::string> dependent;
  {
    Statement needing(database_, "SELECT name FROM jobs WHERE needs = ? AND state = 'waiting'", name);
    while (needing.step()) {
      dependent.push_back(needing.text(0));
    }
  }
  for (const std::string& other : dependent) {
    fail(other, 0, fmt::format("needs {}, which failed", name));
  }
}

void JobStore::release(const std::string& name) {
  Statement(database_, "UPDATE jobs SET state = 'waiting', owner = '' WHERE name = ? AND state = 'running'", name)
      .step();
}

void JobStore::retry_failed() {
  execute("UPDATE jobs SET state = 'waiting', owner = '', error = '' WHERE state = 'failed'");
}

std::vector<JobRecord> JobStore::all() {
  return select("result");
}

std::vector<JobRecord> JobStore::states() {
  return select("'null'");
}

std::vector<JobRecord> JobStore::select(const std::string& result) {
  std::vector<JobRecord> records;
  Statement rows(database_,
                 fmt::format("SELECT {}, state, seconds, error, {} FROM jobs ORDER BY id", kColumns, result));
  while (rows.step()) {
    records.push_back({rows.job(), state_of(rows.text(10)), rows.real(11), rows.text(12),
                       nlohmann::json::parse(rows.text(13), nullptr, false)});
  }
  return records;
}

}  // namespace ntt
