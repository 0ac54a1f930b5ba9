#include "ntt/data/unpack.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "ntt/core/error.h"

namespace ntt {
namespace {

using Reader = std::unique_ptr<archive, int (*)(archive*)>;

void check(const std::filesystem::path& path, archive* reader, la_ssize_t status) {
  if (status < ARCHIVE_OK) {
    const char* reason = archive_error_string(reader);
    fail_input("{}: cannot be unpacked ({}); fetch it again", path.string(), reason != nullptr ? reason : "damaged");
  }
}

void write_entry(const std::filesystem::path& path, archive* reader, const std::filesystem::path& destination) {
  std::filesystem::path temporary = destination;
  temporary += ".part";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  std::vector<char> buffer(std::size_t{1} << 18U);
  std::error_code error;
  try {
    la_ssize_t have = 0;
    while ((have = archive_read_data(reader, buffer.data(), buffer.size())) > 0) {
      file.write(buffer.data(), have);
    }
    check(path, reader, have);
    file.close();
    if (!file) {
      fail_run("cannot write {}: is the disk full?", temporary.string());
    }
  } catch (...) {
    std::filesystem::remove(temporary, error);
    throw;
  }
  std::filesystem::rename(temporary, destination, error);
  if (error) {
    fail_run("cannot write {}: {}", destination.string(), error.message());
  }
}

}  // namespace

void unpack_files(const std::filesystem::path& path, const std::filesystem::path& folder,
                  const std::vector<std::string>& names) {
  const Reader reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_all(reader.get());
  constexpr std::size_t kBlockBytes = 1U << 16U;
  check(path, reader.get(), archive_read_open_filename(reader.get(), path.c_str(), kBlockBytes));
  std::vector<std::string> missing = names;
  archive_entry* entry = nullptr;
  for (int status = 0; (status = archive_read_next_header(reader.get(), &entry)) != ARCHIVE_EOF;) {
    check(path, reader.get(), status);
    const char* entry_path = archive_entry_pathname(entry);
    const std::string name = entry_path != nullptr ? std::filesystem::path(entry_path).filename().string() : "";
    const auto found = std::find(missing.begin(), missing.end(), name);
    if (found != missing.end() && archive_entry_filetype(entry) == AE_IFREG) {
      write_entry(path, reader.get(), folder / name);
      missing.erase(found);
    }
  }
  if (!missing.empty()) {
    fail_input("{}: lacks {}; it must hold {}", path.string(), missing.front(), fmt::join(names, ", "));
  }
}

}  // namespace ntt
