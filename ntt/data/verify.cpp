#include "ntt/data/verify.h"

#include <algorithm>

#include "ntt/core/error.h"
#include "ntt/data/checksum.h"

namespace ntt {
namespace {

void check_published(const PublishedFile& published, const std::filesystem::path& path, FileCheck& check) {
  const bool gzip = !published.content_sha256.empty();
  if (!gzip && static_cast<std::int64_t>(std::filesystem::file_size(path)) != published.bytes) {
    check.verdict = fmt::format("has {} bytes and should have {}", std::filesystem::file_size(path), published.bytes);
    return;
  }
  const std::string found = gzip ? sha256_of_content(path) : sha256_of_file(path);
  const std::string& expected = gzip ? published.content_sha256 : published.sha256;
  check.good = found == expected;
  check.verdict =
      check.good ? "content as published" : fmt::format("has SHA-256 {} and should have {}", found, expected);
}

/// Files out of an archive, for whose bytes there is no published checksum.
void check_unpacked(const KnownDataset& known, const std::filesystem::path& path, FileCheck& check) {
  const auto bytes = known.unpacked_bytes.find(check.name);
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path));
  if (bytes == known.unpacked_bytes.end()) {
    check.good = size > 0;
    check.verdict = check.good ? "is there" : "is empty";
    return;
  }
  check.good = size == bytes->second;
  check.verdict =
      check.good ? "length as published" : fmt::format("has {} bytes and should have {}", size, bytes->second);
}

}  // namespace

FileCheck check_file(const KnownDataset& known, const std::filesystem::path& folder, const std::string& name) {
  FileCheck check{name, false, false, "missing"};
  std::filesystem::path path = folder / name;
  if (name.ends_with(".gz") && !std::filesystem::exists(path)) {
    path.replace_extension();  // the reader takes it unpacked as well
  }
  if (!std::filesystem::is_regular_file(path)) {
    return check;
  }
  check.present = true;
  const auto published = std::find_if(known.published.begin(), known.published.end(),
                                      [&](const PublishedFile& file) { return file.name == name; });
  try {
    if (published != known.published.end()) {
      check_published(*published, path, check);
    } else {
      check_unpacked(known, path, check);
    }
  } catch (const InputError& error) {
    check.verdict = error.what();
  }
  return check;
}

std::vector<FileCheck> check_files(const KnownDataset& known, const std::filesystem::path& folder) {
  std::vector<FileCheck> checks;
  for (const std::string& name : known.needed) {
    checks.push_back(check_file(known, folder, name));
  }
  return checks;
}

}  // namespace ntt
