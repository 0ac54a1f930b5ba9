#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

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

/// Told the bytes that are here and the bytes of the whole (0: unknown). Must not throw.
using FetchProgress = std::function<void(std::int64_t received, std::int64_t total)>;

/// Fetches a file into `destination`.part, going on from one that an earlier run left, checks it and renames it: the
/// destination is never anything but the whole, checked file. RunError where the server refuses, the connection keeps
/// breaking, or length or checksum are wrong (then the part is removed).
void fetch_file(const FetchRequest& request, const FetchProgress& progress = {});

/// Fetches what `name` lacks into data_root() and unpacks it; files that are there and right are kept.
/// `mirror` replaces the published folder's URL where not empty. `report` gets a line about each file, and `progress`
/// the state of the transfer.
void fetch_dataset(const std::string& name, const std::string& mirror,
                   const std::function<void(const std::string&)>& report, const FetchProgress& progress);

}  // namespace ntt
