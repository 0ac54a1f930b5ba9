#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/core/normalisation.h"

namespace ntt {

/// Images for classification, in training and test parts.
struct Dataset {
  std::string name;
  at::Tensor train_images;  ///< uint8 (0 to 255) or float32, [N,C,H,W]
  at::Tensor train_labels;  ///< int64 [N], 0 to classes-1
  at::Tensor test_images;   ///< of the type and [C,H,W] of the training images
  at::Tensor test_labels;
  std::int64_t classes = 0;
  std::vector<std::string> class_names;  ///< empty where the classes have no names
  std::string note;                      ///< what the reader should know, such as "2 of 5 training batches"
};

/// Images with their labels: [N,C,H,W] and int64 [N].
struct LabelledImages {
  at::Tensor images;
  at::Tensor labels;
};

/// A data set's images as a network takes them.
struct Standardised {
  at::Tensor train_images;  ///< float32 [N,C,H,W]
  at::Tensor test_images;
  Normalisation normalisation;  ///< of the whole training set
};

/// Indices into the training images, int64, each part in ascending order.
struct Split {
  at::Tensor train;
  at::Tensor held_out;
};

/// The folder that holds the data sets: $NTT_DATA, else ~/.cache/ntt.
NTT_API std::filesystem::path data_root();

/// Loads `mnist`, `fashion-mnist`, `cifar-10`, `cifar-100`, `svhn` (below data_root()), `glyphs` (built in) or a folder
/// with train-images.npy, train-labels.npy, test-images.npy and test-labels.npy. Broken or missing files are
/// InputErrors.
NTT_API Dataset load_dataset(const std::string& name);

/// Divides uint8 images by 255, then subtracts the training set's mean and divides by its standard deviation, channel
/// by channel. A constant channel becomes 0: its deviation counts as 1.
NTT_API Standardised standardise(const Dataset& dataset);

/// How many of so many inputs are held out: held_out_fraction is in [0, 1); a fraction above 0 holds out at least one
/// input, and at least one remains. InputError where that cannot be.
NTT_API std::int64_t held_out_count(std::int64_t count, double held_out_fraction);

/// Splits 0..count-1 at random, as a pure function of the seed.
NTT_API Split split_indices(std::int64_t count, double held_out_fraction, std::uint64_t seed);

/// The order in which an epoch visits `indices`: a shuffle that depends on seed and epoch alone.
NTT_API at::Tensor epoch_order(const at::Tensor& indices, std::uint64_t seed, std::int64_t epoch);

}  // namespace ntt
