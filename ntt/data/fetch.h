#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "ntt/core/api.h"
#include "ntt/core/observer.h"

namespace ntt {

/// One file to fetch over http or https.
struct FetchRequest {
  std::string url;
  std::filesystem::path destination;
  std::string sha256;      ///< what the whole file must hash to; empty: not checked
  std::int64_t bytes = 0;  ///< how long the file must be; 0: not checked
  int attempts = 6;        ///< connections to try before giving up; each goes on where the last one was cut
  std::chrono::milliseconds pause{500};  ///< before the second attempt; doubled before each later one
};

/// Fetches a file into `destination`.part, going on from one that an earlier run left, checks it and renames it: the
/// destination is never anything but the whole, checked file. RunError where the server refuses, the connection keeps
/// breaking, or length or checksum are wrong (then the part is removed). The observer is told the bytes; Interrupted
/// where it asks to stop.
NTT_API void fetch_file(const FetchRequest& request, Observer& observer = Observer::none());

/// Fetches what `name` lacks into data_root() and unpacks it; files that are there and right are kept.
/// `mirror` replaces the published folder's URL where not empty. The observer gets a message about each file, too.
NTT_API void fetch_dataset(const std::string& name, const std::string& mirror = "",
                           Observer& observer = Observer::none());

}  // namespace ntt
