#include "ntt/data/classes.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ntt/core/error.h"

namespace ntt {
namespace {

void check_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes) {
  if (classes.size() < 2) {
    fail_input("only class {} is chosen; give at least two classes of {}", fmt::join(classes, ", "), dataset.name);
  }
  for (auto one = classes.begin(); one != classes.end(); ++one) {
    if (*one < 0 || *one >= dataset.classes) {
      fail_input("class {} is chosen, but the classes of {} are 0 to {}", *one, dataset.name, dataset.classes - 1);
    }
    if (std::find(classes.begin(), one, *one) != one) {
      fail_input("class {} is chosen twice", *one);
    }
  }
}

LabelledImages select_part(const Dataset& dataset, const char* part, const at::Tensor& images, const at::Tensor& labels,
                           const std::vector<std::int64_t>& classes) {
  at::Tensor places = at::full({dataset.classes}, -1, at::kLong);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    places[classes[i]] = static_cast<std::int64_t>(i);
  }
  const at::Tensor relabelled = places.index_select(0, labels);
  const at::Tensor chosen = relabelled.ge(0).nonzero().flatten();
  if (chosen.size(0) == 0) {
    fail_input("{} has no {} images of the classes {}", dataset.name, part, fmt::join(classes, ", "));
  }
  return {images.index_select(0, chosen), relabelled.index_select(0, chosen)};
}

}  // namespace

Dataset select_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes) {
  check_classes(dataset, classes);
  const LabelledImages train = select_part(dataset, "training", dataset.train_images, dataset.train_labels, classes);
  const LabelledImages test = select_part(dataset, "test", dataset.test_images, dataset.test_labels, classes);
  Dataset selected;
  selected.name = fmt::format("{}[{}]", dataset.name, fmt::join(classes, ","));
  selected.train_images = train.images;
  selected.train_labels = train.labels;
  selected.test_images = test.images;
  selected.test_labels = test.labels;
  selected.classes = static_cast<std::int64_t>(classes.size());
  if (!dataset.class_names.empty()) {
    for (const std::int64_t one : classes) {
      selected.class_names.push_back(dataset.class_names[static_cast<std::size_t>(one)]);
    }
  }
  selected.note = dataset.note;
  return selected;
}

}  // namespace ntt
