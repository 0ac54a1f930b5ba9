#pragma once

#include <ATen/ATen.h>

#include "ntt/core/random.h"
#include "ntt/data/dataset.h"
#include "ntt/data/glyphs.h"
#include "ntt/models/layer_stack.h"
#include "ntt/prune/mask.h"
#include "ntt/train/trainer.h"

namespace ntt {

/// A network drawn from this graph, with a random mask.
inline Network masked_network(Graph graph, double density, at::ScalarType dtype = at::kFloat) {
  Network network = Network::random(std::move(graph), 3, "teacher", dtype);
  mask_by_scores(network, random_scores(network, 5), density, Scope::layer);
  return network;
}

/// One of two layers.
inline Network small_network(Shape input, std::int64_t hidden, std::int64_t classes, double density,
                             at::ScalarType dtype = at::kFloat) {
  LayerStack layers("small", std::move(input));
  return masked_network(layers.flatten().linear(hidden).relu().linear(classes).finish(), density, dtype);
}

/// 960 training and 250 test glyphs, drawn once.
inline const TrainingData& small_glyphs() {
  static const TrainingData kData = [] {
    const Dataset glyphs = draw_glyphs(960, 250);
    const Standardised inputs = standardise(glyphs);
    return TrainingData{inputs.train_images, glyphs.train_labels, inputs.test_images, glyphs.test_labels};
  }();
  return kData;
}

inline Network glyph_network(double density = 0.3) {
  return small_network({1, 28, 28}, 32, 10, density);
}

inline TrainingOptions quick_options(std::int64_t steps) {
  TrainingOptions options;
  options.steps = steps;
  options.evaluate_every = 20;
  options.seed = 11;
  return options;
}

/// Whether two networks hold the same bits.
inline bool identical(const Network& a, const Network& b) {
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    if (!at::equal(a.parameters()[i]->value, b.parameters()[i]->value) ||
        !at::equal(a.parameters()[i]->effective, b.parameters()[i]->effective)) {
      return false;
    }
  }
  return true;
}

}  // namespace ntt
