#pragma once

#include <cstdint>

#include "ntt/sparse/activation.h"
#include "ntt/sparse/planes.h"

namespace ntt {

/// Values at the positions of some planes: neighbours lie side by side, floats from one plane to the next are `plane`.
/// Everything between positions is written as zeros.
struct PlaneRun {
  const std::int32_t* keep = nullptr;  ///< [plane]: -1 at positions, 0 between
  std::int64_t run = 0;                ///< from the first position to the last one: a multiple of Planes::kVector
  std::int64_t plane = 0;
};

/// sums[r plane + q] = activation(bias[i] + Σ_j values[j] source[offsets[j] + q] + residual[r plane + q]) over the
/// entries j of row i, whose output is r = outputs[i], at the positions q of a run.
struct PlaneProduct {
  /// [blocks, rows + 1], of each row's entries in each block of channels, which one after another stay in the innermost
  /// cache.
  const std::int32_t* begins = nullptr;
  std::int64_t blocks = 1;
  const std::int32_t* outputs = nullptr;  ///< of each row
  const std::int32_t* offsets = nullptr;  ///< of each entry
  const float* values = nullptr;
  const float* bias = nullptr;
  std::int64_t rows = 0;
  const float* source = nullptr;    ///< where offsets begin
  const float* residual = nullptr;  ///< null: none
  float* sums = nullptr;            ///< aligned as Planes::kVector floats
  PlaneRun to;
  Activation activation;
};

/// The part of a product that is due to share number `share` of `shares` of about the same work. All shares together
/// are the product, and what they are does not change it.
void plane_product(const PlaneProduct& product, std::int64_t share, std::int64_t shares);

/// The same of features: one position, a sum over values that lie anywhere.
void feature_product(const PlaneProduct& product, std::int64_t share, std::int64_t shares);

/// Entry by entry of `count` floats from an aligned beginning on, rounded up to whole registers. `keep` null: all.
void add_values(const float* a, const float* b, const Activation& activation, const std::int32_t* keep,
                std::int64_t count, float* sums);
void multiply_values(const float* a, const float* b, const Activation& activation, const std::int32_t* keep,
                     std::int64_t count, float* products);
/// Times one factor.
void scale_values(const float* values, float factor, const Activation& activation, const std::int32_t* keep,
                  std::int64_t count, float* products);
/// May be in place.
void activate_values(const float* values, const Activation& activation, const std::int32_t* keep, std::int64_t count,
                     float* activated);

/// The sum of `count` floats, a multiple of Planes::kVector.
float sum_values(const float* values, std::int64_t count);

}  // namespace ntt
