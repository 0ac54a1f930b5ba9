#include "ntt/data/loaded.h"

#include <ATen/ATen.h>

#include "ntt/data/classes.h"
#include "ntt/data/dataset.h"

namespace ntt {

LoadedData load_data(const std::string& name, at::Device device, const std::vector<std::int64_t>& classes,
                     const std::optional<Normalisation>& normalisation) {
  Dataset dataset = load_dataset(name);
  if (!classes.empty()) {
    dataset = select_classes(dataset, classes);
  }
  Standardised standardised = standardise(dataset);
  LoadedData data;
  data.own_normalisation = standardised.normalisation;
  data.normalisation = normalisation.value_or(data.own_normalisation);
  if (data.normalisation != data.own_normalisation) {
    standardised.train_images = standardise(dataset.train_images, data.normalisation);
    standardised.test_images = standardise(dataset.test_images, data.normalisation);
  }
  data.name = dataset.name;
  data.input = standardised.train_images.sizes().slice(1).vec();
  data.classes = dataset.classes;
  data.train_inputs = standardised.train_images.to(device);
  data.train_labels = dataset.train_labels.to(device);
  data.test_inputs = standardised.test_images.to(device);
  data.test_labels = dataset.test_labels.to(device);
  data.class_names = dataset.class_names;
  data.note = dataset.note;
  return data;
}

}  // namespace ntt
