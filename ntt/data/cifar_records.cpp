#include "ntt/data/cifar_records.h"

#include <ATen/ATen.h>

#include <fstream>

#include "ntt/core/error.h"

namespace ntt {

LabelledImages read_cifar_records(const std::filesystem::path& path, const CifarLayout& layout) {
  constexpr std::int64_t kPixels = 3 * 32 * 32;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail_input("{}: is not there, or is no file; it must be a batch of {}'s binary version", path.string(),
               layout.name);
  }
  const std::int64_t record = layout.labels + kPixels;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path));
  if (size == 0 || size % record != 0) {
    fail_input("{}: has {} bytes; a {} batch has a positive multiple of {} ({} and 3x32x32 pixels)", path.string(),
               size, layout.name, record, layout.labels == 1 ? "a label" : "two labels");
  }
  const std::int64_t count = size / record;
  const at::Tensor records = at::empty({count, record}, at::kByte);
  std::ifstream file(path, std::ios::binary);
  if (!file.read(static_cast<char*>(records.data_ptr()), size)) {
    fail_input("{}: cannot be read", path.string());
  }
  const at::Tensor labels = records.select(1, layout.labels - 1).to(at::kLong);
  const auto* values = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (values[i] >= layout.classes) {
      fail_input("{}: record {} has label {}; {}'s labels are 0 to {}", path.string(), i, values[i], layout.name,
                 layout.classes - 1);
    }
  }
  return {records.narrow(1, layout.labels, kPixels).reshape({count, 3, 32, 32}).contiguous(), labels};
}

}  // namespace ntt
