#include "ntt/data/npy_folder.h"

#include <ATen/ATen.h>

#include "ntt/core/error.h"
#include "ntt/io/npy.h"

namespace ntt {
namespace {

at::Tensor read_images(const std::filesystem::path& path) {
  const at::Tensor images = read_npy(path);
  const at::ScalarType type = images.scalar_type();
  if (type != at::kByte && type != at::kFloat && type != at::kDouble) {
    fail_input("{}: images are {}; they must be uint8, float32 or float64", path.string(), at::toString(type));
  }
  if (images.dim() < 2 || images.dim() > 4 || images.numel() == 0) {
    fail_input("{}: images have shape [{}]; it must be [N,F], [N,H,W] or [N,C,H,W] with at least one image",
               path.string(), fmt::join(images.sizes(), ","));
  }
  const at::Tensor values = type == at::kDouble ? images.to(at::kFloat) : images;
  if (type != at::kByte && !values.isfinite().all().item<bool>()) {
    fail_input("{}: holds NaN or values beyond float32; every pixel must be finite", path.string());
  }
  switch (images.dim()) {
    case 2:
      return values.unsqueeze(2).unsqueeze(3);
    case 3:
      return values.unsqueeze(1);
    default:
      return values;
  }
}

at::Tensor read_labels(const std::filesystem::path& path, std::int64_t count) {
  const at::Tensor labels = read_npy(path);
  const at::ScalarType type = labels.scalar_type();
  if (labels.dim() != 1 || (type != at::kByte && type != at::kInt && type != at::kLong)) {
    fail_input("{}: labels are {} [{}]; they must be uint8, int32 or int64 [N]", path.string(), at::toString(type),
               fmt::join(labels.sizes(), ","));
  }
  if (labels.size(0) != count) {
    fail_input("{}: holds {} labels for {} images; they must be as many", path.string(), labels.size(0), count);
  }
  const std::int64_t lowest = labels.min().item<std::int64_t>();
  if (lowest < 0) {
    fail_input("{}: holds label {}; labels start at 0", path.string(), lowest);
  }
  return labels.to(at::kLong);
}

}  // namespace

Dataset read_npy_folder(const std::filesystem::path& folder) {
  Dataset dataset;
  dataset.name = folder.string();
  dataset.train_images = read_images(folder / "train-images.npy");
  dataset.train_labels = read_labels(folder / "train-labels.npy", dataset.train_images.size(0));
  dataset.test_images = read_images(folder / "test-images.npy");
  dataset.test_labels = read_labels(folder / "test-labels.npy", dataset.test_images.size(0));
  const std::int64_t largest = dataset.train_labels.max().item<std::int64_t>();
  const std::int64_t largest_test = dataset.test_labels.max().item<std::int64_t>();
  if (largest >= dataset.train_labels.size(0)) {
    fail_input("{}: holds label {} among {} labels; number the classes 0, 1, 2, ...",
               (folder / "train-labels.npy").string(), largest, dataset.train_labels.size(0));
  }
  if (largest_test > largest) {
    fail_input("{}: holds label {} and the training set's largest is {}; every class must be in the training set",
               (folder / "test-labels.npy").string(), largest_test, largest);
  }
  dataset.classes = largest + 1;
  return dataset;
}

}  // namespace ntt
