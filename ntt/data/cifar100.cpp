#include "ntt/data/cifar100.h"

#include <fmt/ranges.h>

#include <fstream>
#include <string>
#include <vector>

#include "ntt/core/error.h"
#include "ntt/data/cifar_records.h"

namespace ntt {
namespace {

constexpr std::int64_t kClasses = 100;
constexpr std::int64_t kTraining = 50000;
constexpr std::int64_t kTest = 10000;

std::vector<std::string> read_names(const std::filesystem::path& path) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) {
      names.push_back(line);
    }
  }
  if (!names.empty() && names.size() != kClasses) {
    fail_input("{}: names {} classes; CIFAR-100 has {}", path.string(), names.size(), kClasses);
  }
  return names;
}

}  // namespace

Dataset read_cifar100(const std::filesystem::path& folder) {
  const CifarLayout layout{"CIFAR-100", 2, kClasses};  // the coarse label, then the fine one
  LabelledImages train = read_cifar_records(folder / "train.bin", layout);
  LabelledImages test = read_cifar_records(folder / "test.bin", layout);
  Dataset dataset;
  dataset.name = "cifar-100";
  std::vector<std::string> parts;
  for (const auto& [images, all, part] :
       {std::tuple(train.images, kTraining, "training"), {test.images, kTest, "test"}}) {
    if (images.size(0) != all) {
      parts.push_back(fmt::format("{} of {} {} images", images.size(0), all, part));
    }
  }
  dataset.note = fmt::format("{}", fmt::join(parts, ", "));
  dataset.train_images = std::move(train.images);
  dataset.train_labels = std::move(train.labels);
  dataset.test_images = std::move(test.images);
  dataset.test_labels = std::move(test.labels);
  dataset.classes = kClasses;
  dataset.class_names = read_names(folder / "fine_label_names.txt");
  return dataset;
}

}  // namespace ntt
