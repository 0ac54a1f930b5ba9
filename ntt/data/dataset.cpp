#include "ntt/data/dataset.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "ntt/core/error.h"
#include "ntt/core/random.h"
#include "ntt/data/catalogue.h"
#include "ntt/data/cifar10.h"
#include "ntt/data/cifar100.h"
#include "ntt/data/glyphs.h"
#include "ntt/data/idx.h"
#include "ntt/data/npy_folder.h"
#include "ntt/data/svhn.h"

namespace ntt {
namespace {

/// The file as it is published, or unpacked beside where it would be.
std::filesystem::path find_idx(const std::filesystem::path& folder, const std::string& name) {
  const std::filesystem::path packed = folder / (name + ".gz");
  const std::filesystem::path plain = folder / name;
  return !std::filesystem::exists(packed) && std::filesystem::exists(plain) ? plain : packed;
}

LabelledImages read_idx_pair(const std::filesystem::path& folder, const std::string& part) {
  const std::filesystem::path images_path = find_idx(folder, part + "-images-idx3-ubyte");
  const std::filesystem::path labels_path = find_idx(folder, part + "-labels-idx1-ubyte");
  const at::Tensor images = read_idx(images_path, 3);
  const at::Tensor labels = read_idx(labels_path, 1).to(at::kLong);
  if (images.size(0) != labels.size(0)) {
    fail_input("{}: holds {} images and {} {} labels; they must be as many", images_path.string(), images.size(0),
               labels_path.filename().string(), labels.size(0));
  }
  constexpr std::int64_t kClasses = 10;
  const auto* values = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    if (values[i] >= kClasses) {
      fail_input("{}: label {} is {}; labels are 0 to 9", labels_path.string(), i, values[i]);
    }
  }
  return {images.unsqueeze(1), labels};
}

Dataset read_mnist_like(const std::string& name, const std::filesystem::path& folder) {
  LabelledImages train = read_idx_pair(folder, "train");
  LabelledImages test = read_idx_pair(folder, "t10k");
  Dataset dataset;
  dataset.name = name;
  dataset.train_images = std::move(train.images);
  dataset.train_labels = std::move(train.labels);
  dataset.test_images = std::move(test.images);
  dataset.test_labels = std::move(test.labels);
  dataset.classes = 10;
  dataset.class_names = name == "mnist"
                            ? std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
                            : std::vector<std::string>{"T-shirt/top", "trouser", "pullover", "dress", "coat",
                                                       "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};
  return dataset;
}

Dataset read_known(const KnownDataset& known) {
  const std::filesystem::path folder = data_root() / known.folder;
  if (!std::filesystem::is_directory(folder)) {
    fail_input("{} is not at {}: run `ntt data fetch {}`, or set NTT_DATA to the folder that holds {}/", known.name,
               folder.string(), known.name, known.folder);
  }
  if (known.name == "cifar-10") {
    return read_cifar10(folder);
  }
  if (known.name == "cifar-100") {
    return read_cifar100(folder);
  }
  return known.name == "svhn" ? read_svhn(folder) : read_mnist_like(known.name, folder);
}

void check_same_kind(const Dataset& dataset) {
  if (dataset.train_images.sizes().slice(1) != dataset.test_images.sizes().slice(1) ||
      dataset.train_images.scalar_type() != dataset.test_images.scalar_type()) {
    fail_input("{}: training images are {} {} and test images {} {}; both must be of one kind", dataset.name,
               at::toString(dataset.train_images.scalar_type()), fmt::join(dataset.train_images.sizes().slice(1), "x"),
               at::toString(dataset.test_images.scalar_type()), fmt::join(dataset.test_images.sizes().slice(1), "x"));
  }
}

struct Moments {
  double mean = 0;
  double standard_deviation = 0;
};

/// Exact, from the histogram: no rounding depends on the order of the pixels.
Moments byte_moments(const at::Tensor& images, std::int64_t channel) {
  std::array<std::int64_t, 256> histogram{};
  const std::int64_t plane = images.size(2) * images.size(3);
  const auto* data = images.data_ptr<std::uint8_t>();
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    const auto* pixels = data + (n * images.size(1) + channel) * plane;
    for (std::int64_t i = 0; i < plane; ++i) {
      ++histogram[pixels[i]];
    }
  }
  const auto count = static_cast<double>(images.size(0) * plane);
  double sum = 0;
  double squares = 0;
  for (std::size_t value = 0; value < histogram.size(); ++value) {
    const auto v = static_cast<double>(value);
    sum += v * static_cast<double>(histogram[value]);
    squares += v * v * static_cast<double>(histogram[value]);
  }
  const double mean = sum / count;
  return {mean / 255.0, std::sqrt(std::max(0.0, squares / count - mean * mean)) / 255.0};
}

Moments float_moments(const at::Tensor& images, std::int64_t channel) {
  const std::int64_t plane = images.size(2) * images.size(3);
  const auto* data = images.data_ptr<float>();
  const auto count = static_cast<double>(images.size(0) * plane);
  Moments moments;
  double squares = 0;
  for (const bool second : {false, true}) {
    for (std::int64_t n = 0; n < images.size(0); ++n) {
      const auto* pixels = data + (n * images.size(1) + channel) * plane;
      for (std::int64_t i = 0; i < plane; ++i) {
        const double value = pixels[i];
        if (second) {
          squares += (value - moments.mean) * (value - moments.mean);
        } else {
          moments.mean += value / count;
        }
      }
    }
  }
  moments.standard_deviation = std::sqrt(squares / count);
  return moments;
}

}  // namespace

std::filesystem::path data_root() {
  if (const char* root = std::getenv("NTT_DATA"); root != nullptr && *root != '\0') {
    return root;
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    fail_input("neither NTT_DATA nor HOME is set; set NTT_DATA to the folder that holds the data sets");
  }
  return std::filesystem::path(home) / ".cache" / "ntt";
}

Dataset load_dataset(const std::string& name) {
  Dataset dataset;
  if (name == "glyphs") {
    dataset = draw_glyphs();
  } else if (const KnownDataset* known = find_known_dataset(name)) {
    dataset = read_known(*known);
  } else if (!name.empty() && std::filesystem::is_directory(name)) {
    dataset = read_npy_folder(name);
  } else {
    fail_input(
        "there is no data set '{}': it must be {}, glyphs, or a folder with train-images.npy, "
        "train-labels.npy, test-images.npy and test-labels.npy",
        name, known_dataset_names());
  }
  check_same_kind(dataset);
  return dataset;
}

Standardised standardise(const Dataset& dataset) {
  const at::Tensor images = dataset.train_images.contiguous();
  const bool bytes = images.scalar_type() == at::kByte;
  if (images.dim() != 4 || images.numel() == 0 || (!bytes && images.scalar_type() != at::kFloat)) {
    fail_input("{}: training images must be uint8 or float32 [N,C,H,W], at least one", dataset.name);
  }
  Standardised result;
  result.normalisation.bytes = bytes;
  for (std::int64_t c = 0; c < images.size(1); ++c) {
    const Moments moments = bytes ? byte_moments(images, c) : float_moments(images, c);
    if (!std::isfinite(moments.mean) || !std::isfinite(moments.standard_deviation)) {
      fail_input("{}: channel {} of the training images holds NaN or infinite values", dataset.name, c);
    }
    result.normalisation.mean.push_back(moments.mean);
    result.normalisation.standard_deviation.push_back(moments.standard_deviation > 0 ? moments.standard_deviation : 1);
  }
  result.train_images = standardise(images, result.normalisation);
  result.test_images = standardise(dataset.test_images, result.normalisation);
  return result;
}

std::int64_t held_out_count(std::int64_t count, double held_out_fraction) {
  if (!(held_out_fraction >= 0.0 && held_out_fraction < 1.0)) {
    fail_input("the held-out fraction is {}; it must be at least 0 and below 1", held_out_fraction);
  }
  std::int64_t held_out = std::llround(held_out_fraction * static_cast<double>(count));
  held_out = std::max<std::int64_t>(held_out, held_out_fraction > 0 ? 1 : 0);
  if (count - held_out < 1) {
    fail_input("{} inputs with {} of them held out leave none to train on", count, held_out);
  }
  return held_out;
}

Split split_indices(std::int64_t count, double held_out_fraction, std::uint64_t seed) {
  const std::int64_t held_out = held_out_count(count, held_out_fraction);
  RandomStream stream(seed, "data-split");
  const at::Tensor order = random_permutation(stream, count);
  return {std::get<0>(order.narrow(0, held_out, count - held_out).sort()),
          std::get<0>(order.narrow(0, 0, held_out).sort())};
}

at::Tensor epoch_order(const at::Tensor& indices, std::uint64_t seed, std::int64_t epoch) {
  RandomStream stream(seed, "epoch-order", static_cast<std::uint64_t>(epoch));
  return indices.index_select(0, random_permutation(stream, indices.size(0)));
}

}  // namespace ntt
