#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/core/normalisation.h"

namespace ntt {

/// A data set as networks take it, on a device.
struct LoadedData {
  std::string name;                 ///< with classes chosen of it: "mnist[0,1]"
  std::vector<std::int64_t> input;  ///< [channels, height, width]
  std::int64_t classes = 0;
  at::Tensor train_inputs;  ///< float32, standardised, [N, C, H, W]
  at::Tensor train_labels;  ///< int64 [N]
  at::Tensor test_inputs;
  at::Tensor test_labels;
  Normalisation normalisation;           ///< by which the inputs were standardised
  Normalisation own_normalisation;       ///< the data set's own, of its training inputs
  std::vector<std::string> class_names;  ///< empty where the classes have no names
  std::string note;                      ///< what the reader should know, such as "2 of 5 training batches"
};

/// Loads a data set (ntt/data/dataset.h) or, if any are named, these classes of it, and standardises it: by a network's
/// normalisation where one is given, else by the data set's own. InputError where the given one does not fit.
NTT_API LoadedData load_data(const std::string& name, at::Device device, const std::vector<std::int64_t>& classes = {},
                             const std::optional<Normalisation>& normalisation = {});

}  // namespace ntt
