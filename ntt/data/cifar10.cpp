#include "ntt/data/cifar10.h"

#include <ATen/ATen.h>

#include <vector>

#include "ntt/core/error.h"
#include "ntt/data/cifar_records.h"

namespace ntt {
namespace {
constexpr std::int64_t kClasses = 10;
constexpr int kBatches = 5;
}  // namespace

LabelledImages read_cifar10_batch(const std::filesystem::path& path) {
  return read_cifar_records(path, {"CIFAR-10", 1, kClasses});
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
