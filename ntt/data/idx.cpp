#include "ntt/data/idx.h"

#include <ATen/ATen.h>

#include <array>
#include <cstring>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/data/gzip.h"

namespace ntt {
namespace {

std::vector<std::int64_t> read_shape(const std::filesystem::path& path, GzipReader& reader, std::int64_t rank) {
  constexpr unsigned char kUnsignedByte = 0x08;
  std::array<unsigned char, 4> magic{};
  if (reader.read(magic.data(), magic.size()) != magic.size()) {
    fail_input("{}: is cut off inside its header; it must be an IDX file", path.string());
  }
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != kUnsignedByte || magic[3] != rank) {
    fail_input(
        "{}: starts with {:02x}{:02x}{:02x}{:02x}; an IDX file of bytes with {} dimension{} starts with 000008{:02x}",
        path.string(), magic[0], magic[1], magic[2], magic[3], rank, rank == 1 ? "" : "s", rank);
  }
  std::vector<std::int64_t> shape;
  for (std::int64_t i = 0; i < rank; ++i) {
    std::array<unsigned char, 4> extent{};
    if (reader.read(extent.data(), extent.size()) != extent.size()) {
      fail_input("{}: is cut off inside its header; it must name {} sizes", path.string(), rank);
    }
    shape.push_back(std::int64_t{extent[0]} << 24U | std::int64_t{extent[1]} << 16U | std::int64_t{extent[2]} << 8U |
                    extent[3]);
  }
  return shape;
}

}  // namespace

at::Tensor read_idx(const std::filesystem::path& path, std::int64_t rank) {
  GzipReader reader(path);
  const std::vector<std::int64_t> shape = read_shape(path, reader, rank);
  std::int64_t expected = 1;
  for (const std::int64_t extent : shape) {
    if (extent == 0 || __builtin_mul_overflow(expected, extent, &expected)) {
      fail_input("{}: its header says sizes {}; they must be positive and fit in memory", path.string(),
                 fmt::join(shape, " x "));
    }
  }
  // The buffer follows the bytes that are really there, so a false size in the header costs no memory.
  constexpr std::size_t kBlockBytes = 1U << 22U;
  std::vector<unsigned char> bytes;
  for (;;) {
    const std::size_t have = bytes.size();
    const std::size_t want = std::min(kBlockBytes, static_cast<std::size_t>(expected) - have + 1);
    bytes.resize(have + want);
    const std::size_t got = reader.read(bytes.data() + have, want);
    bytes.resize(have + got);
    if (got < want || bytes.size() > static_cast<std::size_t>(expected)) {
      break;
    }
  }
  if (bytes.size() != static_cast<std::size_t>(expected)) {
    fail_input("{}: its header says {} = {} bytes of data and it holds {}; fetch it again", path.string(),
               fmt::join(shape, " x "), expected,
               bytes.size() > static_cast<std::size_t>(expected) ? "more" : std::to_string(bytes.size()));
  }
  at::Tensor tensor = at::empty(shape, at::kByte);
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace ntt
