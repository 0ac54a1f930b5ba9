#include <fmt/format.h>

#include "ntt/core/error.h"
#include "ntt/data/catalogue.h"
#include "ntt/data/dataset.h"
#include "ntt/data/fetch.h"
#include "ntt/data/unpack.h"
#include "ntt/data/verify.h"

namespace ntt {
namespace {

bool is_archive(const PublishedFile& file) {
  return file.name.ends_with(".tar.gz");
}

bool all_needed_present(const KnownDataset& known, const std::filesystem::path& folder) {
  for (const std::string& name : known.needed) {
    if (!check_file(known, folder, name).good) {
      return false;
    }
  }
  return true;
}

void fetch_published(const KnownDataset& known, const PublishedFile& file, const std::string& base,
                     Observer& observer) {
  const std::filesystem::path folder = data_root() / known.folder;
  const bool archive = is_archive(file);
  if (archive ? all_needed_present(known, folder) : check_file(known, folder, file.name).good) {
    observer.message(MessageLevel::info, fmt::format("{}: already there", file.name));
    return;
  }
  const std::filesystem::path destination = folder / file.name;
  observer.message(MessageLevel::info, fmt::format("{}: fetching from {}", file.name, base));
  fetch_file({base + file.name, destination, file.sha256, file.bytes}, observer);
  if (archive) {
    unpack_files(destination, folder, known.needed);
    std::filesystem::remove(destination);
  }
  observer.message(MessageLevel::info, fmt::format("{}: done", file.name));
}

}  // namespace

void fetch_dataset(const std::string& name, const std::string& mirror, Observer& observer) {
  const KnownDataset* known = find_known_dataset(name);
  if (known == nullptr) {
    fail_input("'{}' cannot be fetched; it must be one of {}", name, known_dataset_names());
  }
  std::string base = mirror.empty() ? known->url : mirror;
  if (!base.ends_with('/')) {
    base += '/';
  }
  for (const PublishedFile& file : known->published) {
    fetch_published(*known, file, base, observer);
  }
}

}  // namespace ntt
