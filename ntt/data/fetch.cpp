#include "ntt/data/fetch.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "ntt/core/error.h"
#include "ntt/data/checksum.h"

namespace ntt {
namespace {

/// The file under its temporary name, locked so that two programs do not write into it at once.
class PartFile {
 public:
  explicit PartFile(std::filesystem::path path) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      fail_run("cannot write {}: {}", path_.string(), std::strerror(errno));
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      ::close(descriptor_);
      fail_run("{}: another program is fetching it; wait for that one to end", path_.string());
    }
  }
  ~PartFile() { ::close(descriptor_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::int64_t size() const { return ::lseek(descriptor_, 0, SEEK_END); }

  void clear() const {
    if (::ftruncate(descriptor_, 0) != 0) {
      fail_run("cannot write {}: {}", path_.string(), std::strerror(errno));
    }
  }

  bool append(const char* data, std::size_t bytes) const {
    while (bytes > 0) {
      const ssize_t done = ::write(descriptor_, data, bytes);
      if (done < 0 && errno == EINTR) {
        continue;
      }
      if (done <= 0) {
        return false;
      }
      data += done;
      bytes -= static_cast<std::size_t>(done);
    }
    return true;
  }

  void remove() const { ::unlink(path_.c_str()); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

struct Transfer {
  const FetchRequest& request;
  Observer& observer;
  const PartFile& part;
  CURL* handle;
  std::int64_t received = 0;
  std::int64_t total = 0;
  std::string failure;             ///< why the write callback stopped the transfer
  std::exception_ptr exception{};  ///< of the observer: none may pass through libcurl
};

/// Calls the observer; whether the transfer is to go on.
template <typename Call>
bool observed(Transfer& transfer, Call&& call) {
  try {
    call();
    return true;
  } catch (...) {
    transfer.exception = std::current_exception();
    return false;
  }
}

/// Called about once a second, though nothing may arrive; anything but 0 ends the transfer.
int on_pulse(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  const bool go_on = observed(transfer, [&] {
    if (transfer.observer.stop_requested()) {
      throw Interrupted(fmt::format("fetching {} was stopped; the next run goes on after {} bytes",
                                    transfer.request.url, transfer.received));
    }
  });
  return go_on ? 0 : 1;
}

std::size_t on_data(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.received += static_cast<std::int64_t>(bytes);
  const std::int64_t expected = transfer.request.bytes;
  if (expected > 0 && transfer.received > expected) {
    transfer.failure = fmt::format("it is longer than the {} bytes it should have", expected);
    transfer.part.clear();
    return 0;
  }
  if (!transfer.part.append(data, bytes)) {
    transfer.failure = fmt::format("cannot write {}: {}", transfer.part.path().string(), std::strerror(errno));
    return 0;
  }
  if (transfer.total == 0) {
    curl_off_t rest = -1;
    curl_easy_getinfo(transfer.handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &rest);
    const std::int64_t before = transfer.received - static_cast<std::int64_t>(bytes);
    transfer.total = expected > 0 ? expected : rest > 0 ? before + rest : 0;
  }
  const bool go_on = observed(transfer, [&] {
    const bool whole = transfer.received == transfer.total;
    transfer.observer.progress({"fetch", "byte", transfer.received, transfer.total, "", whole});
  });
  return go_on ? bytes : 0;
}

enum class Outcome { kWhole, kCut };

bool is_worth_another_try(CURLcode code, long status) {
  switch (code) {
    case CURLE_HTTP_RETURNED_ERROR:
      return status >= 500 || status == 429 || status == 408;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

void set_options(CURL* handle, const std::string& url, std::int64_t offset) {
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 8L);
  curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(handle, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(offset));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_pulse);
}

/// One connection. `reason` says why it ended where the file is not whole yet but another try may help.
Outcome connect_once(const FetchRequest& request, Observer& observer, const PartFile& part, std::string& reason) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) {
    fail_run("cannot fetch {}: libcurl cannot start", request.url);
  }
  const std::int64_t offset = part.size();
  Transfer transfer{request, observer, part, handle.get(), offset, 0, ""};
  set_options(handle.get(), request.url, offset);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFODATA, &transfer);
  const CURLcode code = curl_easy_perform(handle.get());
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK) {
    if (request.bytes == 0 || part.size() == request.bytes) {
      return Outcome::kWhole;
    }
    reason = fmt::format("it ended after {} of {} bytes", part.size(), request.bytes);
    return Outcome::kCut;
  }
  if (transfer.exception) {
    std::rethrow_exception(transfer.exception);
  }
  if (!transfer.failure.empty()) {
    fail_run("cannot fetch {}: {}", request.url, transfer.failure);
  }
  reason = code == CURLE_HTTP_RETURNED_ERROR ? fmt::format("the server answers {}", status) : curl_easy_strerror(code);
  constexpr long kRangeNotSatisfiable = 416;
  if (code == CURLE_RANGE_ERROR || (status == kRangeNotSatisfiable && offset > 0)) {
    part.clear();  // the server cannot go on from here: start again
    return Outcome::kCut;
  }
  if (!is_worth_another_try(code, status)) {
    if (part.size() == 0) {
      part.remove();
    }
    fail_run("cannot fetch {}: {}", request.url, reason);
  }
  return Outcome::kCut;
}

void receive_all(const FetchRequest& request, Observer& observer, const PartFile& part) {
  if (request.bytes > 0 && part.size() > request.bytes) {
    part.clear();
  }
  if (request.bytes > 0 && part.size() == request.bytes) {
    return;
  }
  std::chrono::milliseconds pause = request.pause;
  std::string reason;
  for (int attempt = 1; attempt <= request.attempts; ++attempt) {
    if (attempt > 1) {
      std::this_thread::sleep_for(pause);
      pause *= 2;
    }
    if (connect_once(request, observer, part, reason) == Outcome::kWhole) {
      return;
    }
  }
  fail_run("cannot fetch {}: {} (tried {} times; the next run goes on after {} bytes)", request.url, reason,
           request.attempts, part.size());
}

}  // namespace

void fetch_file(const FetchRequest& request, Observer& observer) {
  std::error_code error;
  if (request.destination.has_parent_path()) {
    std::filesystem::create_directories(request.destination.parent_path(), error);
  }
  if (error) {
    fail_run("cannot make the folder {}: {}", request.destination.parent_path().string(), error.message());
  }
  std::filesystem::path part_path = request.destination;
  part_path += ".part";
  const PartFile part(part_path);
  bool resumed = part.size() > 0;
  for (;;) {
    receive_all(request, observer, part);
    const std::string found = request.sha256.empty() ? "" : sha256_of_file(part_path);
    if (found == request.sha256) {
      break;
    }
    part.clear();
    if (resumed) {  // the part may have been of another file: once more, from the start
      resumed = false;
      continue;
    }
    part.remove();
    fail_run("{} has SHA-256 {} and should have {}; what was fetched is removed", request.url, found, request.sha256);
  }
  std::filesystem::rename(part_path, request.destination, error);
  if (error) {
    fail_run("cannot write {}: {}", request.destination.string(), error.message());
  }
}

}  // namespace ntt
