#include "ntt/data/cifar10.h"

#include <ATen/ATen.h>

#include <fstream>
#include <vector>

#include "ntt/core/error.h"

namespace ntt {
namespace {
constexpr std::int64_t kPixels = 3 * 32 * 32;
constexpr std::int64_t kRecord = 1 + kPixels;
constexpr std::int64_t kClasses = 10;
constexpr int kBatches = 5;
}  // namespace

LabelledImages read_cifar10_batch(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail_input("{}: is not there, or is no file; it must be a batch of CIFAR-10's binary version", path.string());
  }
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path));
  if (size == 0 || size % kRecord != 0) {
    fail_input("{}: has {} bytes; a CIFAR-10 batch has a positive multiple of {} (a label and 3x32x32 pixels)",
               path.string(), size, kRecord);
  }
  const std::int64_t count = size / kRecord;
  const at::Tensor records = at::empty({count, kRecord}, at::kByte);
  std::ifstream file(path, std::ios::binary);
  if (!file.read(static_cast<char*>(records.data_ptr()), size)) {
    fail_input("{}: cannot be read", path.string());
  }
  const at::Tensor labels = records.select(1, 0).to(at::kLong);
  const auto* values = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (values[i] >= kClasses) {
      fail_input("{}: record {} has label {}; CIFAR-10's labels are 0 to 9", path.string(), i, values[i]);
    }
  }
  return {records.narrow(1, 1, kPixels).reshape({count, 3, 32, 32}).contiguous(), labels};
}

Dataset read_cifar10(const std::filesystem::path& folder) {
  std::vector<at::Tensor> images;
  std::vector<at::Tensor> labels;
  for (int batch = 1; batch <= kBatches; ++batch) {
    const std::filesystem::path path = folder / fmt::format("data_batch_{}.bin", batch);
    if (std::filesystem::exists(path)) {
      LabelledImages part = read_cifar10_batch(path);
      images.push_back(std::move(part.images));
      labels.push_back(std::move(part.labels));
    }
  }
  if (images.empty()) {
    fail_input("{}: holds none of data_batch_1.bin to data_batch_5.bin; run `ntt data fetch cifar-10`",
               folder.string());
  }
  const LabelledImages test = read_cifar10_batch(folder / "test_batch.bin");
  Dataset dataset;
  dataset.name = "cifar-10";
  dataset.train_images = at::cat(images);
  dataset.train_labels = at::cat(labels);
  dataset.test_images = test.images;
  dataset.test_labels = test.labels;
  dataset.classes = kClasses;
  dataset.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  if (images.size() < kBatches) {
    dataset.note = fmt::format("{} of {} training batches", images.size(), kBatches);
  }
  return dataset;
}

}  // namespace ntt
