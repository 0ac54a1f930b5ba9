#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ntt {

/// A file that a data set's authors publish.
struct PublishedFile {
  std::string name;
  std::int64_t bytes;
  std::string sha256;          ///< of the file as published
  std::string content_sha256;  ///< of its decompressed content; empty where the file is not gzip
};

/// A data set that NTT knows by name.
struct KnownDataset {
  std::string name;
  std::string folder;  ///< below data_root()
  std::string url;     ///< folder of the published files, ending in /
  std::vector<PublishedFile> published;
  std::vector<std::string> needed;                          ///< the files that the reader wants in the folder
  std::map<std::string, std::int64_t> unpacked_bytes = {};  ///< lengths of those out of an archive, where known
};

const std::vector<KnownDataset>& known_datasets();
/// nullptr where no data set has this name.
const KnownDataset* find_known_dataset(std::string_view name);
/// "mnist, fashion-mnist, ..." for messages.
std::string known_dataset_names();

}  // namespace ntt
