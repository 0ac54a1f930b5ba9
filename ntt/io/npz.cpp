#include "ntt/io/npz.h"

#include <ATen/ATen.h>
#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string_view>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"
#include "ntt/io/npy.h"

namespace ntt {
namespace {

using Writer = std::unique_ptr<archive, int (*)(archive*)>;
using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;

la_ssize_t append(archive* /*writer*/, void* bytes, const void* buffer, std::size_t length) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(buffer), length);
  return static_cast<la_ssize_t>(length);
}

void check(const std::filesystem::path& path, archive* writer, la_ssize_t status) {
  if (status < ARCHIVE_OK) {
    const char* reason = archive_error_string(writer);
    fail_run("cannot make {}: {}", path.string(), reason != nullptr ? reason : "libarchive failed");
  }
}

void add(const std::filesystem::path& path, archive* writer, const std::string& name, std::string_view content) {
  const Entry entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  check(path, writer, archive_write_header(writer, entry.get()));
  check(path, writer, archive_write_data(writer, content.data(), content.size()));
  check(path, writer, archive_write_finish_entry(writer));
}

}  // namespace

void write_npz(const std::filesystem::path& path, const NamedArrays& arrays) {
  std::string bytes;
  const Writer writer(archive_write_new(), archive_write_free);
  check(path, writer.get(), archive_write_set_format_zip(writer.get()));
  check(path, writer.get(), archive_write_zip_set_compression_store(writer.get()));
  check(path, writer.get(), archive_write_set_bytes_in_last_block(writer.get(), 1));
  check(path, writer.get(), archive_write_open(writer.get(), &bytes, nullptr, append, nullptr));
  for (const auto& [name, array] : arrays) {
    add(path, writer.get(), name + ".npy", npy_bytes(array));
  }
  check(path, writer.get(), archive_write_close(writer.get()));
  write_file_atomically(path, bytes);
}

}  // namespace ntt
