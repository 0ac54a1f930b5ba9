#include "ntt/data/checksum.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/data/gzip.h"

namespace ntt {
namespace {

/// Hashes what `read(buffer, bytes)` yields until it yields less than it was asked for.
template <typename Read>
std::string sha256_of(const std::filesystem::path& path, Read read) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool good = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::vector<char> buffer(std::size_t{1} << 18U);
  for (std::size_t have = buffer.size(); good && have == buffer.size();) {
    have = read(buffer.data(), buffer.size());
    good = EVP_DigestUpdate(context.get(), buffer.data(), have) == 1;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) {
    fail_run("{}: the cryptographic library cannot compute SHA-256", path.string());
  }
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + length, ""));
}

}  // namespace

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fail_input("{}: cannot be opened for reading", path.string());
  }
  return sha256_of(path, [&](char* buffer, std::size_t bytes) {
    file.read(buffer, static_cast<std::streamsize>(bytes));
    if (file.bad()) {
      fail_run("{}: cannot be read", path.string());
    }
    return static_cast<std::size_t>(file.gcount());
  });
}

std::string sha256_of_content(const std::filesystem::path& path) {
  GzipReader reader(path);
  return sha256_of(path, [&](char* buffer, std::size_t bytes) { return reader.read(buffer, bytes); });
}

}  // namespace ntt
