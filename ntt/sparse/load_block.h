#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ntt/sparse/block_layout.h"

namespace ntt {

/// Where features of a row [features] lie in a block: feature features[i] begins at places[i], in floats.
struct FeaturePlaces {
  std::vector<std::int32_t> features;
  std::vector<std::int32_t> places;

  void add(std::int64_t feature, const BlockLayout& layout) {
    features.push_back(static_cast<std::int32_t>(feature));
    places.push_back(static_cast<std::int32_t>(layout.at_feature(feature)));
  }
};

/// Every feature of a layout.
FeaturePlaces all_features(const BlockLayout& layout);

/// Where `count` rows begin, one after another and `size` apart.
template <typename T>
std::array<T*, kLanes> row_pointers(T* first, std::int64_t size, std::int64_t count) {
  std::array<T*, kLanes> rows{};
  for (std::int64_t lane = 0; lane < count; ++lane) {
    rows[static_cast<std::size_t>(lane)] = first + lane * size;
  }
  return rows;
}

/// Writes the features of `count` rows side by side; lanes beyond them become zero.
void load_block(const FeaturePlaces& places, const float* const* rows, std::int64_t count, float* block);

/// The reverse: takes rows from a block of kLanes.
void store_block(const FeaturePlaces& places, const float* block, std::int64_t count, float* const* rows);

}  // namespace ntt
