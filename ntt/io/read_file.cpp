#include "ntt/io/read_file.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include "ntt/core/error.h"

namespace ntt {

std::string read_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    fail_input("cannot read {}: it is a folder, not a file", path.string());
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(stream), {});
  if (!stream.good() && !stream.eof()) {
    fail_input("cannot read {}: {}", path.string(), std::generic_category().message(errno));
  }
  return content;
}

}  // namespace ntt
